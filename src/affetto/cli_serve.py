"""The command that serves the page and the REST service: parse, call, print."""

from pathlib import Path
from typing import Annotated

import typer

from affetto.errors import UsageError

DbOption = Annotated[
    Path | None, typer.Option("--db", help="The library's database. Default: your own.")
]


def serve(
    db: DbOption = None,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")
    ] = 8321,
    open_browser: Annotated[
        bool, typer.Option("--open", help="Open the page in your browser.")
    ] = False,
    token: Annotated[
        str | None,
        typer.Option(
            envvar="AFFETTO_TOKEN",
            help="What clients must know. Beyond this machine one is made where none is given.",
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(help="Another name this machine is called by; repeatable."),
    ] = None,
    upload_mb: Annotated[
        int, typer.Option(min=1, max=10_000, help="Largest file to be analysed, MB.")
    ] = 200,
) -> None:
    """Serve the page and the REST service of your music library."""
    try:
        from affetto.server.run import new_token
        from affetto.server.run import serve as run
        from affetto.server.settings import Settings, is_loopback
    except ModuleNotFoundError as exc:
        if exc.name is None or exc.name.partition(".")[0] == "affetto":
            raise
        raise UsageError(
            f'serving needs {exc.name}, which is not installed: pip install "affetto[web]"'
        ) from exc
    from affetto import terminal

    if token is None and not is_loopback(host):
        token = new_token()
    settings = Settings(host=host, token=token, hosts=tuple(allow_host or ()), upload_mb=upload_mb)

    def announce(address: str) -> None:
        terminal.note(f"affetto listens at {address}")
        terminal.note("Stop it with Ctrl-C.")

    run(db, settings=settings, port=port, announce=announce, open_browser=open_browser)
