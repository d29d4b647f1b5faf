"""The commands: where each is, and what it is for. None is imported before it is called."""

from __future__ import annotations

from bootstrap.cli.lazy import group

_HERE = "bootstrap.cli"

COMMANDS = {
    "up": (f"{_HERE}.service:up", "Start everything and leave it running; Ctrl-C stops it."),
    "demo": (
        f"{_HERE}.demo:demo",
        "Run the main job once: goal → agents → campaign → ad in a chat → click → ledger → report.",
    ),
    "goal": (f"{_HERE}.campaign:goal", "Hand a goal to the agents of the running installation."),
    "brief": (
        f"{_HERE}.brief:brief",
        "Read a goal (or many) without running anything. Needs no service.",
    ),
    "watch": (
        f"{_HERE}.watch:watch",
        "Watch a run as a live tree; ends with the run. Campaigns and organisations go on until Ctrl-C.",
    ),
    "runs": (f"{_HERE}.campaign:runs", "List the runs of this installation's advertiser."),
    "report": (
        f"{_HERE}.report:report",
        "Show what a run found, wrote, checked and spent, each statement with its source.",
    ),
    "approve": (
        f"{_HERE}.campaign:approve",
        "Approve (or reject) what a run wants to launch, and follow it to its end.",
    ),
    "answer": (f"{_HERE}.campaign:answer", "Answer a run's questions and follow it on."),
    "ask": (
        f"{_HERE}.ask:ask",
        "Ask how ads did, in words; every number is counted twice before it is shown.",
    ),
    "compile": (
        f"{_HERE}.catalogue:compile_catalogue",
        "Compile what may be served into a snapshot; from a file it needs no service.",
    ),
    "decide": (
        f"{_HERE}.decisions:decide",
        "Say which ad a conversation would get, and why. Needs no service.",
    ),
    "match": (
        f"{_HERE}.matching:match",
        "Say which tags stand in texts, by the published rule. Needs no service.",
    ),
    "replay": (
        f"{_HERE}.decisions:replay",
        "Recompute decisions from their records and compare byte for byte.",
    ),
    "explain": (
        f"{_HERE}.explained:explain",
        "Say why a request got this ad and why not each other candidate.",
    ),
    "doctor": (
        f"{_HERE}.service:doctor",
        "Look at this machine and installation and say what is wrong and how to cure it.",
    ),
}
ACCOUNT = {
    "new": (
        f"{_HERE}.account:new",
        "Make an organisation and its first key (and, for a publisher, an app).",
    ),
}
CATALOG = {
    "import": (
        f"{_HERE}.catalogue:import_file",
        "Import ads into the running installation's catalogue and take them live.",
    ),
}
STOPS = {
    "list": (f"{_HERE}.stops:listed", "List the kill switches that are on."),
    "on": (
        f"{_HERE}.stops:on",
        "Let nothing be launched, resumed or raised until the stop is lifted; pausing always works.",
    ),
    "lift": (f"{_HERE}.stops:lift", "Take a stop back."),
}
SNAPSHOTS = {
    "list": (f"{_HERE}.snapshots:listed", "List the snapshots served so far, the newest first."),
    "rollback": (
        f"{_HERE}.snapshots:rollback",
        "Serve an earlier snapshot again and keep it, whatever changes, until it is unpinned.",
    ),
    "unpin": (
        f"{_HERE}.snapshots:unpin",
        "Let a pinned snapshot go: compile and serve what the catalogue says now.",
    ),
}
GATE = {
    "eval": (
        f"{_HERE}.gate:evaluate",
        "Say what the sensitive gate makes of texts; with labels: recall and false blocks.",
    ),
}
COMPLIANCE = {
    "check": (
        f"{_HERE}.compliance:check",
        "Hold ads of a file against the rules of their platform. Needs no service.",
    ),
    "tracker": (
        f"{_HERE}.compliance:tracker",
        "Say what changed in the rules, and which ads it touches. Needs no service.",
    ),
}
RAG = {
    "ingest": (
        f"{_HERE}.rag:ingest",
        "Put a file, a folder or a web page into the knowledge store.",
    ),
    "search": (f"{_HERE}.rag:search", "Find passages in the knowledge store."),
    "ask": (
        f"{_HERE}.rag:ask",
        "Answer a question from the knowledge store, with checked citations.",
    ),
    "why": (
        f"{_HERE}.rag:why",
        "Say why a search found this chunk and not that: every stage's candidates and scores.",
    ),
    "sources": (f"{_HERE}.rag_sources:sources", "List the newest sources of knowledge."),
    "jobs": (
        f"{_HERE}.rag_sources:jobs",
        "List the newest readings of sources, or what became of each file of one.",
    ),
    "retry": (
        f"{_HERE}.rag_sources:retry",
        "Read the files of a job again that failed, and wait for it.",
    ),
    "remove": (
        f"{_HERE}.rag_sources:remove",
        "Take out everything a source brought; searches as of before still find it.",
    ),
    "documents": (f"{_HERE}.rag_sources:documents", "List the documents that are known now."),
    "chunks": (
        f"{_HERE}.rag_sources:chunks",
        "Show the pieces of a document as they are indexed.",
    ),
    "edit": (
        f"{_HERE}.rag_sources:edit",
        "Put your text in the place of a piece; it survives re-indexing.",
    ),
    "reindex": (
        f"{_HERE}.rag_sources:reindex",
        "Make all terms and vectors anew, with the present model and analyser.",
    ),
    "eval": (
        f"{_HERE}.rag:evaluate_folder",
        "Measure retrieval on any BEIR-style folder, leg by leg. Needs no service.",
    ),
}
#: The harness stands above this room and is loaded by name only.
EVAL = {
    "run": (
        "evals.commands:run",
        "Play scenarios on services of their own, and grade what came of them.",
    ),
    "report": (
        "evals.commands:report",
        "Write one page with charts about the last run, and JUnit for build servers.",
    ),
    "diff": ("evals.commands:diff", "Say what changed from one run to another."),
    "brief": (
        "evals.commands:brief",
        "Measure how well goals are read: accuracy by field, with Wilson's interval.",
    ),
    "push": (
        "evals.commands:push",
        "Push scenarios to LangSmith as a dataset; again is no second copy.",
    ),
    "injection": (
        f"{_HERE}.injection:injection",
        "Plant the texts of a file in every way in, with a model that obeys them; fail if one has an effect.",
    ),
}
LEADS = {
    "import": (
        f"{_HERE}.leads:import_file",
        "Take a list of people in; the same people again are there once.",
    ),
    "linkedin": (
        f"{_HERE}.leads:linkedin",
        "Fetch new answers of LinkedIn lead forms; the token is read from LINKEDIN_TOKEN.",
    ),
    "list": (f"{_HERE}.leads:listed", "List the most promising leads, and why each is."),
    "erase": (f"{_HERE}.leads:erase", "Forget people, and see that no import brings them back."),
    "audiences": (
        f"{_HERE}.leads:audiences",
        "List audiences, and how many leads each has now.",
    ),
}
DB = {
    "upgrade": (
        f"{_HERE}.service:db_upgrade",
        "Bring the schema up to date; make the bucket and the first snapshot if they are missing.",
    ),
    "revision": (f"{_HERE}.service:db_revision", ""),
}

app = group(
    "parley",
    "An open advertising system for AI conversations.",
    COMMANDS,
    epilog=(
        "Exit codes: 0 done · 1 a defect · 2 wrong usage · 3 refused or bad input · "
        "4 waits for a person · 5 a part is not running."
    ),
)
app.add_typer(group("gate", "The sensitive gate.", GATE))
app.add_typer(group("stops", "Kill switches for everything that would spend.", STOPS))
app.add_typer(group("snapshots", "What has been served, and the way back.", SNAPSHOTS))
app.add_typer(group("compliance", "Rules for ads, and what changed in them.", COMPLIANCE))
app.add_typer(group("rag", "What the organisation knows.", RAG))
app.add_typer(group("eval", "Scenarios that replay the product and grade it.", EVAL))
app.add_typer(group("leads", "People who may be written to, and why.", LEADS))
app.add_typer(group("db", "The database's schema.", DB))
app.add_typer(group("account", "Organisations and their first keys.", ACCOUNT))
app.add_typer(group("catalog", "The catalogue of ads.", CATALOG))


def main() -> None:
    """Run the command line."""
    app()
