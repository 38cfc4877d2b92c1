"""The X-ray's rows as a judge reads them."""

from __future__ import annotations

from dataclasses import dataclass, field

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row


@dataclass(frozen=True)
class Request:
    """One request of the X-ray: who asked whom for what, and how it ended."""

    seq: int
    service: str
    user: str
    """The name at the end of the principal; "" when nobody was known."""
    action: str
    """What IAM was asked about, such as ecr:PutImage; an API's operation where IAM was not asked; "" elsewhere."""
    operation: str
    """The API's operation, such as DescribeImages; "" for a request to a registry."""
    method: str
    path: str
    status: int
    bytes: int
    """Bytes of both bodies, sent and received."""
    denied: bool
    """IAM said no."""
    row: Row = field(repr=False)

    @property
    def ok(self) -> bool:
        """Tell whether it was carried out."""
        return 200 <= self.status < 400

    def puts(self, repository: str = "") -> bool:
        """Tell whether it stored a manifest, in that repository: the moment at which an image gets its name."""
        place = f"{repository and '/' + repository}/manifests/"
        return self.ok and self.method == "PUT" and place in self.path

    @property
    def lacks_repository(self) -> bool:
        """Tell whether a push was refused because there is no such repository.

        A 404 alone does not say so: each push first asks for layers that are not there yet.
        """
        sends = (self.method == "POST" and "/blobs/uploads" in self.path) or (
            self.method == "PUT" and "/manifests/" in self.path
        )
        return self.status == 404 and sends and "NAME_UNKNOWN" in str(self.row["error"])


def request_of(row: Row) -> Request:
    """Return a row of the X-ray as a Request."""
    operation = f"{row['service']}:{row['operation']}" if row["operation"] else ""
    return Request(
        seq=int(row["seq"]),
        service=str(row["service"]),
        user=str(row.get("principal") or "").rpartition("/")[2],
        action=str(row["action"] or operation),
        operation=str(row["operation"] or ""),
        method=str(row["method"]),
        path=str(row["path"]),
        status=int(row["status"]),
        bytes=int(row.get("bytes_in") or 0) + int(row.get("bytes_out") or 0),
        denied=row["decision"] == "denied",
        row=row,
    )


def requests(lab: LabView, *services: str) -> list[Request]:
    """Return the requests since the exercise was reset, of these services (default: all), in order.

    "registry" is what docker speaks to, "ecr" and "iam" are AWS's APIs.
    """
    found = [request_of(row) for row in lab.rows()]
    return [each for each in found if not services or each.service in services]
