"""The stack's errors.

StackError
├── DataDirUnusable     the data folder cannot be made or written
├── StackRunning        another supervisor holds the data folder
├── PortTaken           something else listens on a wanted port
├── ServerMissing       no PostgreSQL or Valkey program was found
├── CannotDropRoot      PostgreSQL refuses root, and this root cannot become anybody else
├── ServerUnreachable   a given DATABASE_URL or REDIS_URL does not answer
├── ComponentFailed     a component ended, or never became ready, while the stack started
└── CleanupFailed       a process of the stack outlived its KILL
"""

from typing import ClassVar


class StackError(Exception):
    """A reason why the stack cannot run; its text is meant for the person at the terminal."""

    code: ClassVar[str] = "stack_error"


class DataDirUnusable(StackError):
    code = "data_dir_unusable"


class StackRunning(StackError):
    code = "stack_running"


class PortTaken(StackError):
    code = "port_taken"


class ServerMissing(StackError):
    code = "server_missing"


class CannotDropRoot(StackError):
    code = "cannot_drop_root"


class ServerUnreachable(StackError):
    code = "server_unreachable"


class ComponentFailed(StackError):
    code = "component_failed"


class CleanupFailed(StackError):
    code = "cleanup_failed"
