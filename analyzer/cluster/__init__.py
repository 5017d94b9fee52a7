"""Captures to a store by many workers: extract file by file, exchange by call, rebuild each part by itself.

:mod:`~analyzer.cluster.extraction`  a capture, or captures that go on in one another, to messages in chunks
:mod:`~analyzer.cluster.reading`     all captures of a run, each by itself and then in sequence what goes on
:mod:`~analyzer.cluster.points`      whose capture points are which, and which captures have to be read together
:mod:`~analyzer.cluster.earlier`     calls that the store has and that go on, taken back into the exchange
:mod:`~analyzer.cluster.exchange`    chunks in a folder that all workers reach, and messages of calls out of them
:mod:`~analyzer.cluster.linking`     which calls have to do with which, a span of time at a time
:mod:`~analyzer.cluster.media`       which calls may claim which streams, and which task tells them
:mod:`~analyzer.cluster.partitions`  the calls that are rebuilt together
:mod:`~analyzer.cluster.rebuilding`  those calls to the tables of a store
:mod:`~analyzer.cluster.scheduling`  Dask: tasks to workers, and what goes wrong there
:mod:`~analyzer.cluster.run`         all of it, and the commit

A task reads files of the exchange and writes others under names that follow from what they are made of. So a task may
run twice, a worker may die, and a run that failed goes on where it ended. Rows do not depend on the number of workers.
"""
