"""`posterior-lab users`: who may log in to a lab server."""

import sys

import typer

from dashboard import options

app = typer.Typer(help="Who may log in to `posterior-lab serve --users FILE`.", no_args_is_help=True)


@app.command()
def add(file: options.UsersFile, name: options.UserName) -> None:
    """Add a user; the password is asked for, or read from the standard input."""
    from dashboard.people import People

    People(file).add(name, _password())
    typer.echo(f"{name} may log in.")


@app.command()
def passwd(file: options.UsersFile, name: options.UserName) -> None:
    """Change a password, which ends the user's logins."""
    from dashboard.people import People

    People(file).set_password(name, _password())
    typer.echo(f"{name} has a new password, and has to log in again.")


@app.command()
def remove(file: options.UsersFile, name: options.UserName) -> None:
    """Remove a user, which ends their logins; their runs stay in the folder of runs."""
    from dashboard.people import People

    People(file).remove(name)
    typer.echo(f"{name} can no longer log in.")


@app.command("list")
def list_users(file: options.UsersFile) -> None:
    """The names of all users."""
    from dashboard.people import People

    typer.echo("\n".join(People(file).names))


def _password() -> str:
    if sys.stdin.isatty():
        return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
    return sys.stdin.readline().rstrip("\n")
