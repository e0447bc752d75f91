"""`aitrader webhooks`: addresses that are told when jobs end, and what they were told."""

from typing import TYPE_CHECKING, Annotated

import typer

from aitrader.commands.connect import connect
from aitrader.commands.output import AsJson, moment, print_json, print_table, say

if TYPE_CHECKING:
    from aitrader.client import Delivery, Webhook

app = typer.Typer(no_args_is_help=True, help="Make, list, test and delete webhooks; see what they were told.")

WebhookId = Annotated[str, typer.Argument(metavar="ID", help="As `aitrader webhooks list` shows it.")]
States = Annotated[
    list[str] | None, typer.Option("--state", help="Only this end: succeeded, failed, cancelled; may be repeated.")
]
JobTypes = Annotated[list[str] | None, typer.Option("--type", help="Only jobs of this type; may be repeated.")]


@app.command()
def create(
    url: Annotated[str, typer.Argument(metavar="URL", help="http or https.")],
    *,
    states: States = None,
    job_types: JobTypes = None,
    description: Annotated[str, typer.Option(help="For people.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a webhook; print its id and, this once, its secret."""
    with connect() as client:
        made = client.webhooks.create(url, states=states, job_types=job_types, description=description)
    _tell_secret(made, as_json=as_json)


@app.command("list")
def list_webhooks(*, as_json: AsJson = False) -> None:
    """List webhooks, the newest first."""
    with connect() as client:
        found = client.webhooks.list()
    if as_json:
        print_json([webhook.model_dump(mode="json", exclude={"secret"}) for webhook in found])
        return
    print_table(("ID", "URL", "STATES", "TYPES", "STATE", "FAILURES"), map(_row, found))


@app.command()
def change(
    webhook_id: WebhookId,
    *,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    states: States = None,
    job_types: JobTypes = None,
    description: Annotated[str | None, typer.Option(help="For people.")] = None,
    enable: Annotated[bool | None, typer.Option("--enable/--disable", help="Whether it is told anything.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change what is named; enabling forgets the failures before."""
    asked = {
        "url": url,
        "states": states or None,
        "job_types": job_types or None,
        "description": description,
        "is_enabled": enable,
    }
    with connect() as client:
        changed = client.webhooks.change(
            webhook_id, **{name: value for name, value in asked.items() if value is not None}
        )
    if as_json:
        print_json(changed.model_dump(mode="json", exclude={"secret"}))
    else:
        typer.echo(f"{changed.id} {_state(changed)}")


@app.command("test")
def send_test(webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Deliver a `webhook.test`; print the delivery's id."""
    with connect() as client:
        _tell(client.webhooks.test(webhook_id), as_json=as_json)


@app.command("rotate-secret")
def rotate_secret(webhook_id: WebhookId, *, as_json: AsJson = False) -> None:
    """Print a new secret, this once; for a day the one before signs, too."""
    with connect() as client:
        _tell_secret(client.webhooks.rotate_secret(webhook_id), as_json=as_json)


@app.command()
def deliveries(
    webhook_id: WebhookId,
    *,
    state: Annotated[str | None, typer.Option(help="Only pending, delivered or failed ones.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what a webhook was told, and how the tries went."""
    with connect() as client:
        found = client.webhooks.deliveries(webhook_id, state=state, limit=limit)
    if as_json:
        print_json([delivery.model_dump(mode="json") for delivery in found])
        return
    print_table(("ID", "EVENT", "JOB", "STATE", "TRIES", "LAST ANSWER", "NEXT TRY (UTC)"), map(_delivery_row, found))


@app.command()
def redeliver(
    webhook_id: WebhookId,
    delivery_id: Annotated[str, typer.Argument(metavar="DELIVERY", help="As `deliveries` shows it.")],
    *,
    as_json: AsJson = False,
) -> None:
    """Try a delivery again, now."""
    with connect() as client:
        _tell(client.webhooks.redeliver(webhook_id, delivery_id), as_json=as_json)


@app.command()
def delete(webhook_id: WebhookId) -> None:
    """Delete a webhook and its log."""
    with connect() as client:
        client.webhooks.delete(webhook_id)
    say(f"deleted {webhook_id}")


def _tell_secret(webhook: "Webhook", *, as_json: bool) -> None:
    if as_json:
        print_json(webhook.model_dump(mode="json"))
        return
    typer.echo(f"{webhook.id} {webhook.secret}")
    say("keep the secret: it is not shown again")


def _tell(delivery: "Delivery", *, as_json: bool) -> None:
    if as_json:
        print_json(delivery.model_dump(mode="json"))
    else:
        typer.echo(f"{delivery.id} {delivery.state}")


def _state(webhook: "Webhook") -> str:
    return "enabled" if webhook.is_enabled else f"disabled ({webhook.disabled_reason or 'by its owner'})"


def _row(webhook: "Webhook") -> tuple[str, ...]:
    return (
        webhook.id,
        webhook.url,
        ", ".join(webhook.states),
        "all" if webhook.job_types is None else ", ".join(webhook.job_types),
        _state(webhook),
        str(webhook.failure_count),
    )


def _delivery_row(delivery: "Delivery") -> tuple[str, ...]:
    last = delivery.attempts[-1] if delivery.attempts else None
    answer = "" if last is None else last.error or str(last.status)
    next_try = "" if delivery.next_attempt_at is None else moment(delivery.next_attempt_at)
    return (
        delivery.id,
        delivery.event,
        delivery.job_id or "-",
        delivery.state,
        str(len(delivery.attempts)),
        answer,
        next_try,
    )
