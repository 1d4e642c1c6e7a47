"""Files that must not be read, and files that cannot be."""

import zipfile
import zlib

import pytest

from clustereffects.errors import FileError, UnsafeFileError
from clustereffects.interviews import _archive, _refi_xml, read_refi_qda
from support.refi import Doc, Marked, project_xml, write_project, write_zip

DOC = Doc("I1", "Vi fick en ny kund.", [Marked("Vi fick en ny kund.", ("M1",))])
CODES = {"M1": {}}
XML = project_xml([DOC], CODES)


def refused(path, error, message):
    with pytest.raises(error, match=message) as caught:
        read_refi_qda(path)
    assert caught.value.problems[0].remedy
    assert caught.value.problems[0].file == path.name


def test_missing_file_and_not_an_archive(tmp_path):
    refused(tmp_path / "none.qdpx", FileError, "cannot be opened as a REFI-QDA project – No such file")
    path = tmp_path / "codebook.qdpx"
    path.write_text(XML, encoding="utf-8")
    refused(path, FileError, "expected a .qdpx file, which is a ZIP archive")
    path.write_bytes(b"")
    refused(path, FileError, "cannot be opened")


@pytest.mark.parametrize(
    "member", ["../evil.txt", "sources/../../evil", "/etc/evil", "C:/evil.txt", "..\\evil", "\\evil"]
)
def test_members_outside_the_archive(tmp_path, member):
    path = write_project(tmp_path / "p.qdpx", [DOC], CODES, members={member: "x"})
    refused(path, UnsafeFileError, "points outside the archive")
    assert sorted(item.name for item in tmp_path.iterdir()) == ["p.qdpx"]


def test_a_reference_out_of_the_archive(tmp_path):
    text = XML.replace(f"internal://{DOC.guid}.txt", "internal://../project.qde")
    refused(write_zip(tmp_path / "p.qdpx", {"project.qde": text}), UnsafeFileError, "points outside the archive")


def test_a_decompression_bomb(tmp_path):
    path = write_project(tmp_path / "p.qdpx", [DOC], CODES, members={"sources/bomb.txt": b"\0" * (3 * 2**20)})
    refused(path, UnsafeFileError, "compressed suspiciously well")


@pytest.mark.parametrize(
    ("cap", "value", "message"),
    [
        ("MAX_MEMBERS", 1, "too many members – 2 members – expected at most 1"),
        ("MAX_TOTAL_BYTES", 100, "unpacks to too much"),
        ("MAX_PROJECT_BYTES", 100, "member 'project.qde' is too large"),
        ("MAX_TEXT_BYTES", 5, "is too large"),
    ],
)
def test_caps(tmp_path, monkeypatch, cap, value, message):
    monkeypatch.setattr(_archive, cap, value)
    refused(write_project(tmp_path / "p.qdpx", [DOC], CODES), UnsafeFileError, message)


def test_ambiguous_names(tmp_path):
    path = write_project(tmp_path / "p.qdpx", [DOC], CODES, members={"Sources/" + DOC.guid + ".TXT": "other"})
    refused(path, UnsafeFileError, "two members have the same name")


@pytest.mark.parametrize(
    "document_type",
    [
        '<!DOCTYPE Project [<!ENTITY a "aaaa">]>',
        '<!DOCTYPE Project SYSTEM "file:///etc/hostname">',
        '<!DOCTYPE Project [<!ENTITY x SYSTEM "file:///etc/hostname">]>',
        "<!DOCTYPE Project>",
    ],
)
def test_document_types_and_entities(tmp_path, document_type):
    text = XML.replace("<Project", document_type + "<Project", 1)
    refused(write_zip(tmp_path / "p.qdpx", {"project.qde": text}), UnsafeFileError, "document type or entities")


def test_no_project_or_several(tmp_path):
    refused(
        write_zip(tmp_path / "p.qdpx", {"notes.txt": "x"}),
        FileError,
        "0 project descriptions in the archive – 1 members",
    )
    two = write_zip(tmp_path / "q.qdpx", {"a.qde": XML, "b.qde": XML})
    refused(two, FileError, "2 project descriptions in the archive – a.qde, b.qde")


def test_copies_that_a_mac_adds_are_not_projects(tmp_path):
    path = write_project(tmp_path / "p.qdpx", [DOC], CODES, members={"__MACOSX/._project.qde": b"\0\1"})
    assert len(read_refi_qda(path).frame) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<Project", "not well-formed XML"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "not well-formed XML"),
        ("<Project/>", "not REFI-QDA"),
        ('<CodeBook xmlns="urn:QDA-XML:codebook:1.0"/>', "urn:QDA-XML:codebook:1.0"),
        ('<Project xmlns="urn:something:else"/>', "root element '{urn:something:else}Project'"),
        ('<Project xmlns="urn:QDA-XML:project:1.0"/>', "not a single interview"),
    ],
)
def test_other_documents(tmp_path, text, message):
    path = write_zip(tmp_path / "p.qdpx", {"project.qde": text})
    with pytest.raises(ValueError, match=message):
        read_refi_qda(path)


def test_codes_nested_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(_refi_xml, "MAX_CODE_DEPTH", 3)
    path = write_project(tmp_path / "p.qdpx", [DOC], {"M1": {"a": {"b": {"c": {}}}}})
    refused(path, UnsafeFileError, "codes are nested too deeply")


def test_damaged_member(tmp_path):
    path = tmp_path / "p.qdpx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as zipped:
        zipped.writestr("project.qde", XML)
    content = bytearray(path.read_bytes())
    content[content.index(b"<Users>")] ^= 0xFF
    path.write_bytes(bytes(content))
    refused(path, FileError, "member 'project.qde' cannot be read – Bad CRC-32")


def test_undecodable_compression(tmp_path):
    path = write_zip(tmp_path / "p.qdpx", {"project.qde": XML})
    content = bytearray(path.read_bytes())
    start = content.index(b"project.qde") + len("project.qde")
    content[start : start + 8] = b"\xff" * 8
    path.write_bytes(bytes(content))
    refused(path, FileError, "cannot be read")
    with pytest.raises(zlib.error):
        zlib.decompress(b"\xff" * 8, -15)


def test_encrypted_member(tmp_path):
    path = write_zip(tmp_path / "p.qdpx", {"project.qde": XML})
    content = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    path.write_bytes(bytes(content))
    refused(path, FileError, "encrypted, password required")
