"""Wires adapters to stages; the only package that knows both."""

from onefold.bootstrap.accounts import add_account, change_account, list_accounts, owner_links, reset_account
from onefold.bootstrap.asking import EXPORT_MB, Asker, RelationFacts, asking
from onefold.bootstrap.backups import backup, check_backup, restore
from onefold.bootstrap.checking import (
    check_history,
    export_suite,
    import_suite,
    list_checks,
    propose_checks,
    run_checks,
)
from onefold.bootstrap.collecting import CollectingOnly
from onefold.bootstrap.engine_matching import match_on_engine, match_there
from onefold.bootstrap.engines import engine_status, engines_of, load_engine, waiting
from onefold.bootstrap.identity_matching import match_records, read_truth
from onefold.bootstrap.lineage import lineage
from onefold.bootstrap.loading import (
    AppendingError,
    Loaded,
    check_file,
    guess_mapping,
    ids_of,
    is_known_source,
    load_file,
    load_with_prefetch,
    rows_of,
)
from onefold.bootstrap.maintenance import preview, rebuild, repair, since, verify
from onefold.bootstrap.matching import FileMatch, load_model, match_file, match_frame, match_table, save_model
from onefold.bootstrap.membership_history import membership_growth, membership_history
from onefold.bootstrap.migrating import migrate
from onefold.bootstrap.modelling import classified, project_models, run_models
from onefold.bootstrap.prefetching import prefetched_by_process, serve_prefetch
from onefold.bootstrap.project import checks, create_key, furnish, init, list_keys, revoke_key
from onefold.bootstrap.promoting import promote, promoted_by
from onefold.bootstrap.rfm import rfm_definitions, rfm_grid, rfm_people, rfm_runs, rfm_runs_of, run_rfm
from onefold.bootstrap.segmenting import (
    ProjectSegments,
    delete_segment,
    export_members,
    member_table,
    project_segments,
    save_segment,
)
from onefold.bootstrap.server import Opened, sole
from onefold.bootstrap.stores import address as store_address
from onefold.bootstrap.stores import migrate_postgres, with_store
from onefold.bootstrap.traiting import TraitDesk, trait_desk
from onefold.bootstrap.warehousing import (
    backfill_traits,
    content,
    eraser_of,
    load_backlog,
    load_warehouse,
    open_warehouse,
    reconcile,
    retained,
    warehouse_of,
)
from onefold.bootstrap.worker_process import WorkerProcess
from onefold.bootstrap.workers import supervise
from onefold.bootstrap.workspace import (
    HERE,
    Workspace,
    catch_up,
    clock_us,
    opened,
    pending,
    reader,
    work_off,
)

__all__ = [
    "EXPORT_MB",
    "HERE",
    "AppendingError",
    "Asker",
    "CollectingOnly",
    "FileMatch",
    "Loaded",
    "Opened",
    "ProjectSegments",
    "RelationFacts",
    "TraitDesk",
    "WorkerProcess",
    "Workspace",
    "add_account",
    "asking",
    "backfill_traits",
    "backup",
    "catch_up",
    "change_account",
    "check_backup",
    "check_file",
    "check_history",
    "checks",
    "classified",
    "clock_us",
    "content",
    "create_key",
    "delete_segment",
    "engine_status",
    "engines_of",
    "eraser_of",
    "export_members",
    "export_suite",
    "furnish",
    "guess_mapping",
    "ids_of",
    "import_suite",
    "init",
    "is_known_source",
    "lineage",
    "list_accounts",
    "list_checks",
    "list_keys",
    "load_backlog",
    "load_engine",
    "load_file",
    "load_model",
    "load_warehouse",
    "load_with_prefetch",
    "match_file",
    "match_frame",
    "match_on_engine",
    "match_records",
    "match_table",
    "match_there",
    "member_table",
    "membership_growth",
    "membership_history",
    "migrate",
    "migrate_postgres",
    "open_warehouse",
    "opened",
    "owner_links",
    "pending",
    "prefetched_by_process",
    "preview",
    "project_models",
    "project_segments",
    "promote",
    "promoted_by",
    "propose_checks",
    "read_truth",
    "reader",
    "rebuild",
    "reconcile",
    "repair",
    "reset_account",
    "restore",
    "retained",
    "revoke_key",
    "rfm_definitions",
    "rfm_grid",
    "rfm_people",
    "rfm_runs",
    "rfm_runs_of",
    "rows_of",
    "run_checks",
    "run_models",
    "run_rfm",
    "save_model",
    "save_segment",
    "serve_prefetch",
    "since",
    "sole",
    "store_address",
    "supervise",
    "trait_desk",
    "verify",
    "waiting",
    "warehouse_of",
    "with_store",
    "work_off",
]
