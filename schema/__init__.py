"""What the store holds: table classes with unit and meaning, migrations, and the SQL of the views.

The classes in :mod:`~dhsdb.schema.control`, :mod:`~dhsdb.schema.inputs` and :mod:`~dhsdb.schema.results` are the one
definition of every table; DDL, comments, the Excel template, import checks and the data dictionary all follow them.
"""
