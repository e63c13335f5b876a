//! By what a known bug is recognised among the findings of a search.
//!
//! A finding is it if it agrees with one that the bug's own file shows on that release, and that the file is kept for: oracle, object and
//! rule are the same, and the family or the fingerprint is. Of a crash, a hang and a wrong status the family says little: there the kind of
//! operation is the same, and the case has the shape that the file says.

use anyhow::Context;

use crate::campaign::known::Avoid;
use crate::campaign::minimise::Player;
use crate::campaign::recorded::Recorded;
use crate::execute::pool::Stage;
use crate::oracle::Oracle;
use crate::report::{Finding, Symbolizer};

/// How a bug is told on the release that has it.
pub(super) struct Signature {
    shown: Vec<Finding>,
    /// Which operations the case must have, in which order, and after which fault.
    shape: Option<Avoid>,
}

impl Signature {
    /// Plays the file to learn it; `None`: it does not show.
    ///
    /// # Errors
    /// Nothing can be played, or the shape is none.
    pub(super) fn learn(
        recorded: &Recorded,
        stage: &mut dyn Stage,
        nixl: &str,
    ) -> anyhow::Result<Option<Signature>> {
        let shape = recorded.note("shape").or_else(|| recorded.note("avoid"));
        let shape = shape.map(Avoid::parse).transpose();
        let shape = shape.with_context(|| recorded.scenario.name.clone())?;
        let mut symbols = Symbolizer::new();
        let mut player = Player {
            stage,
            symbols: &mut symbols,
            nixl,
            strict: false,
            fingerprint: "",
        };
        let mut shown = player.play_kept(recorded)?;
        shown.retain(|finding| recorded.fits(finding));
        Ok((!shown.is_empty()).then_some(Signature { shown, shape }))
    }

    /// Whether a finding is that bug.
    pub(super) fn fits(&self, finding: &Finding) -> bool {
        let has_the_shape = |shape: &Avoid| shape.fits_finding(finding);
        self.shown.iter().any(|shown| alike(shown, finding))
            && self.shape.as_ref().is_none_or(has_the_shape)
    }
}

fn alike(shown: &Finding, finding: &Finding) -> bool {
    let kind = |finding: &Finding| (finding.oracle, finding.object.clone(), finding.rule.clone());
    if kind(shown) != kind(finding) {
        return false;
    }
    match finding.oracle {
        // What else deviated in the case does not tell one from another.
        Oracle::Crash | Oracle::Hang | Oracle::Status | Oracle::Bytes | Oracle::Notification => {
            finding.verb() == shown.verb()
        }
        _ => shown.family == finding.family || finding.is_same(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::sample;

    const CASE: &str = "name c\npost x0\npost x0\n";

    fn crash(operation: &str, rule: &str) -> Finding {
        let mut finding = sample("one", "");
        finding.oracle = Oracle::Crash;
        finding.object = "process".to_owned();
        finding.rule = Some(rule.to_owned());
        finding.operation = Some(operation.to_owned());
        finding.scenario = CASE.to_owned();
        finding
    }

    fn signature(shape: Option<&str>, shown: Finding) -> Signature {
        Signature {
            shown: vec![shown],
            shape: shape.map(|text| Avoid::parse(text).unwrap()),
        }
    }

    #[test]
    fn a_crash_is_known_by_signal_operation_and_shape() {
        let known = signature(Some("post $x; post $x"), crash("post x0", "SIGSEGV"));
        assert!(known.fits(&crash("post x7", "SIGSEGV")));
        assert!(!known.fits(&crash("release x0", "SIGSEGV")));
        assert!(!known.fits(&crash("post x0", "SIGABRT")));
        let mut elsewhere = crash("post x1", "SIGSEGV");
        elsewhere.scenario = "name c\npost x0\npost x1\n".to_owned();
        assert!(!known.fits(&elsewhere));
    }

    #[test]
    fn what_an_object_shows_is_known_by_its_rule_and_its_family_or_its_fingerprint() {
        let rule = |fingerprint: &str, family: &str, rule: &str| {
            let mut finding = sample(fingerprint, "");
            finding.oracle = Oracle::Rule;
            finding.rule = Some(rule.to_owned());
            finding.family = family.to_owned();
            finding
        };
        let known = signature(None, rule("one", "f", "UCP-MEM-005"));
        assert!(known.fits(&rule("two", "f", "UCP-MEM-005")));
        assert!(known.fits(&rule("one", "g", "UCP-MEM-005")));
        assert!(!known.fits(&rule("two", "g", "UCP-MEM-005")));
        assert!(!known.fits(&rule("two", "f", "UCP-MEM-004")));
    }
}
