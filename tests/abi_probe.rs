//! The C types of the mock agree with UCX's own headers, in size, offset, value and completeness.
//!
//! A C program is made from the tables beside the Rust types, compiled against the headers of a release, and run; what
//! it prints is held against the tables. Where releases differ, the tables say it: `since` and `until`.

#[path = "abi_probe/headers.rs"]
mod headers;
#[path = "abi_probe/program.rs"]
mod program;
#[path = "abi_probe/signatures.rs"]
mod signatures;

use mock_ucx::abi::types::{
    CONSTANT_GROUPS, Minor, STRUCTS, UCP_ENTITY_NAME_MAX, UCP_REMOTE_ADDR_INVALID,
    UCP_RKEY_INVALID, UcsCpuSet, UcsStatus, ptr_is_err, ptr_is_ptr, ptr_status,
};
use mock_ucx::version::UcxVersion;
use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;

/// One line that says what is wrong or missing.
pub(crate) struct Failure(String);

impl fmt::Debug for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// What kind of fact a line of the program states.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Size,
    Offset,
    Value,
}

/// A C expression and what the Rust side says that it is.
#[derive(Clone, Debug)]
struct Fact {
    kind: Kind,
    expression: String,
    expected: i64,
}

/// Everything that can be asked of the headers of release 1.`minor`.
fn facts(minor: Minor) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut add = |kind, expression: String, expected: i64| {
        facts.push(Fact {
            kind,
            expression,
            expected,
        })
    };
    for layout in STRUCTS
        .iter()
        .copied()
        .flatten()
        .filter(|layout| layout.size_in(minor) > 0)
    {
        let name = layout.name;
        add(
            Kind::Size,
            format!("sizeof({name})"),
            layout.size_in(minor) as i64,
        );
        add(Kind::Size, format!("_Alignof({name})"), layout.align as i64);
        for field in layout.fields.iter().filter(|field| field.since <= minor) {
            add(
                Kind::Offset,
                format!("offsetof({name}, {})", field.name),
                field.offset as i64,
            );
            add(
                Kind::Size,
                format!("sizeof((({name} *)0)->{})", field.name),
                field.size as i64,
            );
        }
    }
    for constant in CONSTANT_GROUPS
        .iter()
        .copied()
        .flatten()
        .flat_map(|(_, constants)| *constants)
    {
        if constant.since <= minor {
            add(Kind::Value, constant.name.to_owned(), constant.value);
        }
    }
    for (since, kind, expression, expected) in single_facts(minor) {
        if since <= minor {
            add(kind, expression, expected);
        }
    }
    facts
}

/// What no table has: macros, scalar types, and the number that moves.
fn single_facts(minor: Minor) -> Vec<(Minor, Kind, String, i64)> {
    let last = i64::from(UcxVersion::new(minor, 0).memory_type_last());
    let mut facts = vec![
        (
            13,
            Kind::Value,
            "UCP_ENTITY_NAME_MAX".to_owned(),
            UCP_ENTITY_NAME_MAX as i64,
        ),
        (
            13,
            Kind::Value,
            "UCS_CPU_SETSIZE / 8".to_owned(),
            size_of::<UcsCpuSet>() as i64,
        ),
        (13, Kind::Value, "UCS_MEMORY_TYPE_LAST".to_owned(), last),
        (13, Kind::Value, "UCS_MEMORY_TYPE_UNKNOWN".to_owned(), last),
        (
            22,
            Kind::Value,
            "UCP_REMOTE_ADDR_INVALID".to_owned(),
            UCP_REMOTE_ADDR_INVALID as i64,
        ),
        (
            22,
            Kind::Value,
            "(intptr_t)UCP_RKEY_INVALID".to_owned(),
            UCP_RKEY_INVALID as i64,
        ),
        (13, Kind::Value, "(ucs_status_t)-1 < 0".to_owned(), 1),
        (13, Kind::Value, "ucp_dt_make_contig(5)".to_owned(), 5 << 3),
        (
            13,
            Kind::Size,
            "sizeof(ucs_status_t)".to_owned(),
            size_of::<UcsStatus>() as i64,
        ),
    ];
    for scalar in [
        "ucs_memory_type_t",
        "ucs_thread_mode_t",
        "ucp_err_handling_mode_t",
        "unsigned",
        "int",
    ] {
        facts.push((13, Kind::Size, format!("sizeof({scalar})"), 4));
    }
    for scalar in [
        "ucp_ep_h",
        "ucs_status_ptr_t",
        "ucp_datatype_t",
        "ucp_send_nbx_callback_t",
        "size_t",
        "double",
    ] {
        facts.push((13, Kind::Size, format!("sizeof({scalar})"), 8));
    }
    for pointer in [
        0,
        1,
        0x1000,
        usize::MAX / 2,
        usize::MAX - 100,
        usize::MAX - 99,
        usize::MAX - 15,
        usize::MAX,
    ] {
        let c = format!("((void *){pointer:#x}ul)");
        facts.push((
            13,
            Kind::Value,
            format!("UCS_PTR_IS_ERR({c})"),
            ptr_is_err(pointer).into(),
        ));
        facts.push((
            13,
            Kind::Value,
            format!("UCS_PTR_IS_PTR({c})"),
            ptr_is_ptr(pointer).into(),
        ));
        facts.push((
            13,
            Kind::Value,
            format!("UCS_PTR_STATUS({c})"),
            ptr_status(pointer).0.into(),
        ));
    }
    facts
}

/// Each fact that the program printed otherwise or not at all, in words.
fn differences(facts: &[Fact], printed: &[i64]) -> Vec<String> {
    let missing = facts
        .iter()
        .skip(printed.len())
        .map(|fact| format!("{} was not printed", fact.expression));
    let other = facts
        .iter()
        .zip(printed)
        .filter(|(fact, value)| fact.expected != **value);
    let other = other.map(|(fact, value)| {
        format!(
            "{} is {value}, the mock has {}",
            fact.expression, fact.expected
        )
    });
    other.chain(missing).collect()
}

fn agrees_with(release: &str) -> Result<(), Failure> {
    let version: UcxVersion = release.parse().expect("a release that is emulated");
    let facts = facts(version.minor);
    let include = headers::include_folder(release)?;
    let program = program::Program::of(
        version.minor,
        facts.iter().map(|fact| fact.expression.as_str()),
    );
    let printed = program.run(&include)?;
    let differences = differences(&facts, &printed);
    if !differences.is_empty() {
        return Err(Failure(format!(
            "UCX {release}: {}",
            differences.join("; ")
        )));
    }
    let mut counts = BTreeMap::new();
    for fact in &facts {
        *counts.entry(fact.kind).or_insert(0) += 1;
    }
    let (sizes, offsets, values) = (
        counts[&Kind::Size],
        counts[&Kind::Offset],
        counts[&Kind::Value],
    );
    let (enums, absent) = (program.complete_enums, program.absent_names);
    let functions = program.functions;
    // Straight to the terminal: how much was compared is worth seeing when all is well, too.
    let _ = writeln!(
        std::io::stderr(),
        "UCX {release}: {sizes} sizes, {offsets} offsets, {values} values agree; {enums} enums have no other member; \
         {absent} newer names are absent; {functions} function types agree"
    );
    Ok(())
}

#[test]
fn the_mock_agrees_with_the_headers_of_ucx_1_18() -> Result<(), Failure> {
    agrees_with("1.18.0")
}

#[test]
fn the_mock_agrees_with_the_headers_of_ucx_1_20() -> Result<(), Failure> {
    agrees_with("1.20.0")
}

#[test]
fn the_mock_agrees_with_the_headers_of_ucx_1_22() -> Result<(), Failure> {
    agrees_with("1.22.0")
}

#[test]
fn the_exported_functions_take_and_return_what_the_headers_say() -> Result<(), Failure> {
    // That the headers say it, too, is asserted in the program of each release.
    signatures::check(&signatures::all())
}

#[test]
fn another_value_and_a_missing_one_are_differences() {
    let facts = facts(22);
    let mut printed: Vec<i64> = facts.iter().map(|fact| fact.expected).collect();
    assert_eq!(differences(&facts, &printed), Vec::<String>::new());
    let place = facts
        .iter()
        .position(|fact| fact.expression == "offsetof(ucp_params_t, name)")
        .unwrap();
    printed[place] += 8;
    printed.pop();
    let told = differences(&facts, &printed);
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(
        told[0],
        "offsetof(ucp_params_t, name) is 80, the mock has 72"
    );
    assert!(told[1].ends_with("was not printed"));
}

#[test]
fn headers_of_another_release_are_told_apart() -> Result<(), Failure> {
    let include = headers::include_folder("1.18.0")?;
    let told = program::Program::of(20, ["sizeof(ucp_params_t)"].into_iter()).run(&include);
    let Err(Failure(line)) = told else {
        panic!("UCX 1.18 has no device functions, yet a program that needs them ran")
    };
    assert!(line.contains("ucp_host.h"), "{line}");
    let known_too_early =
        program::Program::of(17, ["sizeof(ucp_params_t)"].into_iter()).run(&include);
    let Err(Failure(line)) = known_too_early else {
        panic!("members of 1.18 were not noticed")
    };
    assert!(line.contains("UCP_EP_ATTR_FIELD_USER_DATA"), "{line}");
    Ok(())
}
