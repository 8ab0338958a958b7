"""The revision of the schema that this code reads and writes; a test holds it to the newest migration."""

HEAD = "0003"
