"""What runs: the local stack's processes, the API, what the API tells of the other parts, and the models that serve."""

from aitrader.client import Client
from aitrader.doctor.findings import Finding, Look, Patient, failed, ok, skipped
from aitrader.errors import AitraderError
from aitrader.stack.state import ComponentStatus

OTHERS_MAY = 0o077
SERVED_TASKS = ("suggestion", "sentiment")


def data_folder(patient: Patient) -> Finding:
    folder = patient.folder
    if patient.is_elsewhere:
        return skipped(f"the server is {patient.url}, not the local stack")
    if not folder.path.is_dir():
        return failed(f"{folder.path} does not exist", "start the stack once with `aitrader up`, which makes it")
    secrets = (folder.admin_token, folder.connections, folder.postgres_password, folder.redis_password)
    files = [file for file in (*secrets, folder.flower_password, folder.state) if file.exists()]
    open_files = [str(file) for file in files if file.stat().st_mode & OTHERS_MAY]
    if open_files:
        return failed(f"others may read {', '.join(open_files)}", f"run `chmod 600 {' '.join(open_files)}`")
    return ok(f"{folder.path}, {len(files)} private files")


def stack(patient: Patient) -> Finding:
    if patient.is_elsewhere:
        return skipped(f"the server is {patient.url}, not the local stack")
    if patient.stack is None:
        return failed(f"no stack runs on {patient.folder.path}", "start it with `aitrader up`")
    late = [part.name for part in patient.stack.components if part.status != ComponentStatus.READY]
    if late or not patient.stack.is_ready:
        told = ", ".join(late) or "the stack"
        return failed(f"not ready: {told}", "wait a moment; if it stays so, read `aitrader logs` of that component")
    restarts = sum(part.restarts for part in patient.stack.components)
    return ok(f"pid {patient.stack.pid}, {len(patient.stack.components)} components, {restarts} restarts")


def api(patient: Patient) -> Finding:
    if patient.health is None:
        return failed(patient.why_no_url, "start the stack with `aitrader up`, or set AITRADER_URL")
    down = [part for part in patient.health.parts if part.name in {"api", "db", "redis"} and part.status != "ok"]
    if down:
        told = "; ".join(f"{part.name}: {part.told or part.status}" for part in down)
        return failed(told, "check AITRADER_URL, or read `aitrader logs api`")
    return ok(f"{patient.url} accepts jobs")


def part(name: str, advice: str) -> Look:
    """Return a check of what the API tells of one part."""

    def look(patient: Patient) -> Finding:
        found = None if patient.health is None else patient.health.part(name)
        if found is None:
            return skipped("the API does not answer, which would tell of it")
        if found.status == "ok":
            return ok(found.told or "ok")
        if found.status == "unknown":
            return skipped(found.detail or "not known")
        return failed(found.told or found.status, advice)

    return look


def models(patient: Patient) -> Finding:
    """Check that some model serves each task that jobs need one for."""
    if patient.health is None or not patient.health.part("workers"):
        return skipped("the API does not answer")
    try:
        with Client() as client:
            champions = [model for model in client.models() if model.stage == "champion"]
    except AitraderError as error:
        return failed(str(error), "the checks above may tell why")
    idle = [task for task in SERVED_TASKS if not any(model.task == task for model in champions)]
    if idle:
        return failed(f"no model serves {', '.join(idle)}", "promote one: `aitrader models list` shows what there is")
    expired = [f"{model.name} {model.version}" for model in champions if model.is_expired]
    told = ", ".join(f"{model.name} {model.version}" for model in champions)
    return ok(told + (f"; expired, train newer ones: {', '.join(expired)}" if expired else ""))
