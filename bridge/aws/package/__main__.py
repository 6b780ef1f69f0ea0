"""`python -m bridge.aws.package`: make the zip, and say what has been made."""

from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import click

from bridge.aws.package.build import ROOT, build
from bridge.aws.package.failure import PackageError
from bridge.aws.package.wheels import Platform

MB = 1_000_000


@click.command()
@click.option("--platform", default="arm64", show_default=True, type=click.Choice([one.word for one in Platform]))
@click.option("--to", "file", default=ROOT / ".build" / "bridge.zip", type=click.Path(path_type=Path))
def main(platform: str, file: Path) -> None:
    """Package the bridge for AWS Lambda."""
    try:
        build(file, next(one for one in Platform if one.word == platform))
    except PackageError as error:
        raise click.ClickException(str(error)) from None
    click.echo(_made(file, platform))


def _made(file: Path, platform: str) -> str:
    with ZipFile(file) as archive:
        entries = archive.infolist()
    unpacked = sum(entry.file_size for entry in entries)
    return (
        f"{file} for {platform}: {len(entries)} files, {file.stat().st_size / MB:.1f} MB, unpacked "
        f"{unpacked / MB:.1f} MB\nsha256 {sha256(file.read_bytes()).hexdigest()}"
    )


main()
