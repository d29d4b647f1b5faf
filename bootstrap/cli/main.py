"""The commands, put together. Heavy parts are imported by the command that needs them."""

from __future__ import annotations

import typer

from bootstrap.cli import campaign, catalogue, decisions, demo, service

app = typer.Typer(
    name="parley",
    help="An open advertising system for AI conversations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=(
        "Exit codes: 0 done · 1 a defect · 2 wrong usage · 3 refused or bad input · "
        "4 waits for a person · 5 a part is not running."
    ),
)
db = typer.Typer(help="The database's schema.", no_args_is_help=True)
catalog = typer.Typer(help="The catalogue of ads.", no_args_is_help=True)

app.command("up")(service.up)
app.command("demo")(demo.demo)
app.command("goal")(campaign.goal)
app.command("brief")(campaign.brief)
app.command("runs")(campaign.runs)
app.command("approve")(campaign.approve)
app.command("answer")(campaign.answer)
app.command("compile")(catalogue.compile_catalogue)
app.command("decide")(decisions.decide)
app.command("replay")(decisions.replay)
app.command("doctor")(service.doctor)
catalog.command("import")(catalogue.import_file)
db.command("upgrade")(service.db_upgrade)
db.command("revision", hidden=True)(service.db_revision)
app.add_typer(db, name="db")
app.add_typer(catalog, name="catalog")


def main() -> None:
    """Run the command line."""
    app()
