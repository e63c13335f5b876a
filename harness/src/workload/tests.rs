//! The workloads as scenarios.

use std::fs;
use std::path::Path;

use super::{Workload, WorkloadError};
use crate::scenario::model::{Model, Seen};
use crate::scenario::{Op, Scenario};

fn read(text: &str) -> Vec<Scenario> {
    Workload::parse(text).unwrap().scenarios()
}

#[test]
fn each_workload_has_its_usual_scenario_as_a_file() {
    for workload in Workload::all() {
        let name = format!("workloads/{}.scenario", workload.name());
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, workload.file()).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == workload.file(),
            "{} is not current: BLESS=1 cargo test -p harness --lib workload",
            path.display()
        );
    }
}

#[test]
fn a_workload_has_a_scenario_for_each_pattern_of_addresses() {
    for workload in Workload::all() {
        let scenarios = workload.scenarios();
        let names: Vec<&str> = scenarios.iter().map(|one| one.name.as_str()).collect();
        let wanted = ["reused", "adjacent", "scattered", "random"];
        assert_eq!(
            names,
            wanted.map(|word| format!("{}-{word}", workload.name()))
        );
    }
    assert_eq!(read("decode:churn=random").len(), 1);
}

#[test]
fn what_is_printed_of_a_workload_is_read_back() {
    for workload in Workload::all() {
        for scenario in workload.scenarios() {
            let again = Scenario::parse(&scenario.to_string()).unwrap();
            assert_eq!(again, scenario);
        }
    }
}

#[test]
fn workloads_keep_nixls_contract_and_the_model_follows_them() {
    for text in [
        "decode",
        "push",
        "offload",
        "decode:layers=3,blocks=5,restart=off",
    ] {
        for scenario in read(text) {
            let mut model = Model::new(true);
            for line in scenario.lines() {
                assert!(model.permits(&line.op).is_ok(), "{}: {line}", scenario.name);
                model.apply(&line.op, Seen::Done(&[]));
            }
        }
    }
}

#[test]
fn numbers_are_those_that_were_asked_for() {
    let count = |text: &str, wanted: fn(&Op) -> bool| {
        let scenario = &read(text)[0];
        scenario.lines().filter(|line| wanted(&line.op)).count()
    };
    let posts = |op: &Op| matches!(op, Op::Post { .. });
    assert_eq!(count("decode:requests=40,churn=reused", posts), 40);
    assert_eq!(count("decode:requests=40,restart=off", posts), 40);
    let regions = |op: &Op| matches!(op, Op::Region { .. });
    assert_eq!(count("decode:layers=7", regions), 14);
    let largest = |text: &str| {
        let scenario = &read(text)[0];
        let sizes = scenario.lines().filter_map(|line| match line.op {
            Op::Region { size, .. } => Some(size),
            _ => None,
        });
        sizes.max()
    };
    assert_eq!(largest("decode:blocks=10,block_bytes=100"), Some(1000));
}

#[test]
fn what_is_wrong_with_a_name_is_said() {
    let error = |text: &str| Workload::parse(text).unwrap_err();
    assert_eq!(error("dekode"), WorkloadError::Unknown("dekode".to_owned()));
    assert!(
        error("decode:block=3")
            .to_string()
            .contains("blocks, layers")
    );
    for wrong in [
        "decode:blocks=0",
        "decode:blocks=257",
        "decode:requests=x",
        "decode:churn=wild",
        "decode:restart",
    ] {
        let text = error(wrong).to_string();
        assert!(text.contains("is right"), "{text}");
    }
}
