//! Which functions of NIXL's C API the interpreter calls for each operation.
//!
//! A list kept by hand, beside the code it describes. It says what an operation calls when all goes
//! well; optional arguments count as given.

use crate::scenario::Op;

const OPT_ARGS: &[&str] = &[
    "create_opt_args",
    "destroy_opt_args",
    "opt_args_add_backend",
];
const REG_LIST: &[&str] = &[
    "create_reg_dlist",
    "reg_dlist_add_desc",
    "destroy_reg_dlist",
];
const XFER_LIST: &[&str] = &[
    "create_xfer_dlist",
    "xfer_dlist_add_desc",
    "destroy_xfer_dlist",
];
const REMOTE_LIST: &[&str] = &[
    "create_remote_dlist",
    "remote_dlist_add_desc",
    "destroy_remote_dlist",
];
const NOTIF: &[&str] = &["opt_args_set_notif_msg", "opt_args_set_has_notif"];
const TRANSFER: &[&str] = &["opt_args_set_skip_desc_merge", "opt_args_set_custom_param"];
const ADDRESS: &[&str] = &["opt_args_set_ip_addr", "opt_args_set_port"];
/// Taking notifications: also done while anything is waited for.
const NOTIFS: &[&str] = &[
    "create_notif_map",
    "destroy_notif_map",
    "get_notifs",
    "notif_map_size",
    "notif_map_get_agent_at",
    "notif_map_get_notifs_size",
    "notif_map_get_notif",
    "notif_map_clear",
];
const PARAMS: &[&str] = &[
    "params_is_empty",
    "params_create_iterator",
    "params_iterator_next",
    "params_destroy_iterator",
    "destroy_params",
];
const MEMS: &[&str] = &[
    "mem_list_is_empty",
    "mem_list_size",
    "mem_list_get",
    "mem_type_to_string",
    "destroy_mem_list",
];
const QUERY: &[&str] = &[
    "create_query_resp_list",
    "query_mem",
    "query_resp_list_size",
    "query_resp_list_has_value",
    "query_resp_list_get_params",
    "destroy_query_resp_list",
];
const TOUR_LISTS: &[&str] = &[
    "xfer_dlist_print",
    "xfer_dlist_len",
    "xfer_dlist_get_type",
    "xfer_dlist_trim",
    "xfer_dlist_rem_desc",
    "xfer_dlist_desc_count",
    "xfer_dlist_resize",
    "xfer_dlist_clear",
    "xfer_dlist_is_empty",
    "reg_dlist_print",
    "reg_dlist_get_type",
    "reg_dlist_trim",
    "reg_dlist_rem_desc",
    "reg_dlist_desc_count",
    "reg_dlist_resize",
    "reg_dlist_clear",
    "reg_dlist_is_empty",
];
const TOUR_OPTIONS: &[&str] = &[
    "opt_args_get_notif_msg",
    "opt_args_get_has_notif",
    "opt_args_get_skip_desc_merge",
    "opt_args_get_custom_param",
];

/// The functions that an operation calls, without the prefix `nixl_capi_`, in groups.
fn groups(op: &Op) -> Vec<&'static [&'static str]> {
    match op {
        Op::Agent { config: None, .. } => vec![&["create_agent"]],
        Op::Agent {
            config: Some(_), ..
        } => vec![&["create_configured_agent"]],
        Op::DestroyAgent { .. } => vec![&["destroy_agent", "destroy_backend"]],
        Op::Backend { .. } => {
            vec![&[
                "create_params",
                "params_add",
                "destroy_params",
                "create_backend",
            ]]
        }
        Op::DestroyBackend { .. } => vec![&["destroy_backend"]],
        // Memory of this process: NIXL is not asked.
        Op::Region { .. }
        | Op::Fill { .. }
        | Op::Free { .. }
        | Op::Churn { .. }
        | Op::ExpectBytes { .. } => vec![],
        Op::CutMd { .. } | Op::ChangeMd { .. } | Op::WriteMd { .. } | Op::SpliceMd { .. } => vec![],
        Op::Intrude { .. } => vec![],
        Op::Register { .. } => vec![REG_LIST, OPT_ARGS, &["register_mem"]],
        Op::Deregister { .. } => vec![REG_LIST, OPT_ARGS, &["deregister_mem"]],
        Op::QueryMem { .. } | Op::QueryFile { .. } => vec![REG_LIST, OPT_ARGS, QUERY, PARAMS],
        Op::GetMd { .. } => vec![&["get_local_md"]],
        Op::GetPartialMd { .. } => vec![REG_LIST, OPT_ARGS, &["get_local_partial_md"]],
        Op::LoadMd { .. } => vec![&["load_remote_md"]],
        Op::Invalidate { .. } => vec![&["invalidate_remote_md"]],
        Op::CheckMd { .. } => vec![XFER_LIST, &["check_remote_md"]],
        Op::WaitMd { .. } => vec![&["check_remote_md"]],
        Op::SendMd { descs, .. } if descs.is_empty() => vec![OPT_ARGS, ADDRESS, &["send_local_md"]],
        Op::SendMd { .. } => vec![REG_LIST, OPT_ARGS, ADDRESS, &["send_local_partial_md"]],
        Op::FetchMd { .. } => vec![OPT_ARGS, ADDRESS, &["fetch_remote_md"]],
        Op::InvalidateLocalMd { .. } => vec![OPT_ARGS, ADDRESS, &["invalidate_local_md"]],
        Op::Connect { .. } => vec![OPT_ARGS, &["agent_make_connection"]],
        Op::Prep { .. } => vec![XFER_LIST, OPT_ARGS, &["prep_xfer_dlist"]],
        Op::ReleaseList { .. } => vec![&["release_xfer_dlist_handle"]],
        Op::Make { .. } => vec![OPT_ARGS, NOTIF, TRANSFER, &["make_xfer_req"]],
        Op::Create { .. } => vec![XFER_LIST, OPT_ARGS, NOTIF, TRANSFER, &["create_xfer_req"]],
        Op::Post { .. } => vec![OPT_ARGS, NOTIF, &["post_xfer_req"]],
        Op::Wait { .. } => vec![NOTIFS, &["get_xfer_status"]],
        Op::Together { .. } => vec![
            NOTIFS,
            REG_LIST,
            &[
                "post_xfer_req",
                "get_xfer_status",
                "register_mem",
                "deregister_mem",
            ],
        ],
        Op::Poll { .. } => vec![&["get_xfer_status"]],
        Op::Release { .. } => vec![&["release_xfer_req", "destroy_xfer_req"]],
        Op::Cost { .. } => vec![&["estimate_xfer_cost"]],
        Op::TransferBackend { .. } => vec![&["query_xfer_backend", "destroy_backend"]],
        Op::Telemetry { .. } => vec![&["get_xfer_telemetry"]],
        Op::Notify { .. } => vec![OPT_ARGS, &["gen_notif"]],
        Op::Notifs { .. } | Op::ExpectNotif { .. } => vec![NOTIFS],
        Op::LocalView { .. } => vec![XFER_LIST, OPT_ARGS, &["prep_mem_view_local"]],
        Op::RemoteView { .. } => vec![REMOTE_LIST, OPT_ARGS, &["prep_mem_view_remote"]],
        Op::ReleaseView { .. } => vec![&["release_mem_view"]],
        Op::Plugins { .. } => {
            let list = &["string_list_size", "string_list_get", "destroy_string_list"];
            vec![&["get_available_plugins"], list]
        }
        Op::PluginParams { .. } => vec![&["get_plugin_params"], MEMS, PARAMS],
        Op::BackendParams { .. } => vec![&["get_backend_params"], MEMS, PARAMS],
        Op::TourLists { .. } => vec![XFER_LIST, REG_LIST, REMOTE_LIST, TOUR_LISTS],
        Op::TourOptions { .. } => vec![OPT_ARGS, NOTIF, TRANSFER, ADDRESS, TOUR_OPTIONS],
        Op::TourNotifMap => vec![NOTIFS, &["is_stub"]],
    }
}

/// The functions of the C API that an operation calls, by their full names.
pub fn functions_of(op: &Op) -> impl Iterator<Item = String> {
    groups(op)
        .into_iter()
        .flatten()
        .map(|name| format!("nixl_capi_{name}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::nixl::capi::FUNCTIONS;
    use crate::scenario::builtin;

    /// Functions that no built-in scenario calls, and why.
    ///
    /// Breakpoints on all 104 while the scenarios ran on 1.5.1 with its own UCX, without a GPU, hit all
    /// but `release_mem_view`: without a device no view is prepared that could be released.
    const UNCALLED: &[(&str, &str)] = &[];

    fn called() -> BTreeSet<String> {
        builtin()
            .iter()
            .flat_map(|scenario| scenario.lines())
            .flat_map(|line| functions_of(&line.op))
            .collect()
    }

    #[test]
    fn every_function_of_the_c_api_is_called_by_a_scenario_or_excused() {
        let called = called();
        let uncalled: Vec<&str> = FUNCTIONS
            .iter()
            .copied()
            .filter(|name| !called.contains(*name))
            .collect();
        let excused: Vec<&str> = UNCALLED.iter().map(|(name, _)| *name).collect();
        assert_eq!(
            uncalled, excused,
            "left: called by no scenario; right: excused"
        );
    }

    #[test]
    fn every_name_in_the_table_is_a_function_of_the_c_api() {
        let known: BTreeSet<&str> = FUNCTIONS.iter().copied().collect();
        let unknown: Vec<String> = called()
            .into_iter()
            .filter(|name| !known.contains(name.as_str()))
            .collect();
        assert_eq!(unknown, Vec::<String>::new());
    }
}
