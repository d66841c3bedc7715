"""The options of the command line: what each is called, and what help says of it."""

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[
    Path | None,
    typer.Option(
        "--root", help="Folder for all that is kept, runs in its folder `runs`; default ~/.posterior-lab."
    ),
]
SimulatorFiles = Annotated[
    list[Path] | None,
    typer.Option("--simulators", help="Python file with Simulator values of your own; repeatable."),
]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="Id of a run, as `posterior-lab list` shows it.")]
Priority = Annotated[str, typer.Argument(metavar="high|normal|low", help="Higher priorities go first.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")]
Open = Annotated[bool, typer.Option("--open/--no-open", help="Open a browser.")]
Scheduler = Annotated[
    str | None, typer.Option(help="Dask scheduler, e.g. tcp://host:8786; default: this machine.")
]
Users = Annotated[
    Path | None,
    typer.Option("--users", metavar="FILE", help="Who may log in; made with `posterior-lab users add`."),
]
Address = Annotated[str, typer.Option(help="Network address to listen to; all of them: 0.0.0.0.")]
Origin = Annotated[
    list[str] | None,
    typer.Option(metavar="HOST[:PORT]", help="Name of this server in the browser's address; repeatable."),
]
UsersFile = Annotated[Path, typer.Argument(metavar="FILE", help="The file of users.")]
UserName = Annotated[str, typer.Argument(metavar="NAME", help="Of the user, or their e-mail address.")]
Model = Annotated[str, typer.Argument(help="Name of a simulator, as `posterior-lab simulators` lists them.")]
MethodName = Annotated[str, typer.Option(help="Name of a method, as `posterior-lab methods` lists them.")]
Settings = Annotated[
    list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="A setting; repeatable.")
]
Recording = Annotated[
    str,
    typer.Option(
        metavar="FILE|NAME|default|none", help="A recording, or the built-in one, or none (amortised)."
    ),
]
Sweep = Annotated[
    int | None,
    typer.Option("--sweep", "--epoch", help="Which sweep, epoch or row of the recording, from 0."),
]
Extra = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE|NAME|NUMBER",
        help="For hnpe: a further recording, repeatable; or how many to simulate beside the built-in.",
    ),
]
ExtraEpochs = Annotated[
    str,
    typer.Option(
        metavar="LIST",
        help="Further epochs or rows of the recording: numbers, conditions such as closed, or all.",
    ),
]
Alike = Annotated[
    bool,
    typer.Option("--alike", help="Simulate the extra ones at all the parameters of the built-in one."),
]
Read = Annotated[
    list[str] | None,
    typer.Option("--read", metavar="NAME=VALUE", help="How to read, e.g. channel=Oz; repeatable."),
]
PropertyFile = Annotated[
    Path | None,
    typer.Option("--property", metavar="FILE", help='For epi: JSON {"mean": {...}, "sd": {...}}.'),
]
Target = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=MEAN:SD", help="For epi: a statistic and its targets; repeatable."),
]
Seed = Annotated[int, typer.Option(help="Of the run's random key.")]
