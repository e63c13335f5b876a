//! Fewer and simpler decisions: faults that are not needed go, the others come early, happen once, and delay little.

use mock_ucx::schedule::{Choice, Fault, FaultSpec, Occurrences};

use super::{Candidate, Search};

/// Leaves out each fault that is not needed, and makes the others simple.
pub(super) fn fewer(search: &mut Search<'_>) -> anyhow::Result<()> {
    let mut index = search.best.faults.faults.len();
    while index > 0 {
        index -= 1;
        let mut faults = search.best.faults.clone();
        faults.faults.remove(index);
        if !try_faults(search, faults)? {
            simpler_fault(search, index)?;
        }
    }
    Ok(())
}

fn try_faults(search: &mut Search<'_>, faults: FaultSpec) -> anyhow::Result<bool> {
    let candidate = Candidate {
        scenario: search.best.scenario.clone(),
        faults,
    };
    search.try_one(candidate)
}

fn simpler_fault(search: &mut Search<'_>, index: usize) -> anyhow::Result<()> {
    'again: loop {
        for simpler in simpler(&search.best.faults.faults[index]) {
            let mut faults = search.best.faults.clone();
            faults.faults[index] = simpler;
            if try_faults(search, faults)? {
                continue 'again;
            }
        }
        return Ok(());
    }
}

/// Simpler forms of a fault, the simplest first; each is smaller than it in one respect and in none larger, so that this ends.
fn simpler(fault: &Fault) -> Vec<Fault> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Fault)| {
        let mut simpler = fault.clone();
        change(&mut simpler);
        if simpler != *fault {
            all.push(simpler);
        }
    };
    with(&|fault| fault.thread = None);
    with(&|fault| fault.per_mille = None);
    with(&|fault| fault.limit = None);
    with(&|fault| fault.choices.truncate(1));
    if fault.occurrences.last != Some(fault.occurrences.first) {
        with(&|fault| fault.occurrences = Occurrences::one(fault.occurrences.first));
    }
    if fault.occurrences == Occurrences::one(fault.occurrences.first) {
        with(&|fault| fault.occurrences = Occurrences::one(1));
        with(&|fault| fault.occurrences = Occurrences::one((fault.occurrences.first / 2).max(1)));
        with(&|fault| {
            fault.occurrences = Occurrences::one((fault.occurrences.first - 1).max(1));
        });
    }
    for delay in [1, 5] {
        with(&|fault| {
            for choice in &mut fault.choices {
                if let Choice::After(calls) = choice {
                    *calls = delay.min(*calls);
                }
            }
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simpler_faults_come_to_an_end() {
        let spec: FaultSpec = "put.complete@8-12*3 thread 2=+200".parse().unwrap();
        let mut fault = spec.faults[0].clone();
        let mut steps = 0;
        while let Some(simpler) = simpler(&fault).into_iter().next() {
            fault = simpler;
            steps += 1;
            assert!(steps < 20, "{fault}");
        }
        assert_eq!(fault.to_string(), "put.complete@1=+1");
    }

    #[test]
    fn a_simple_fault_stays_as_it_is() {
        let spec: FaultSpec = "ucp_rkey_pack@1=NO_MEMORY".parse().unwrap();
        assert!(simpler(&spec.faults[0]).is_empty());
    }
}
