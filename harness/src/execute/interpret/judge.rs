//! Was the answer what the line says?

use super::Verdict;
use crate::scenario::Expect;

/// Holds what is right against what was answered.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// A function was absent: what is missing from there on may be for its sake.
    absent: bool,
}

impl Judge {
    /// Is this verdict right where `expect` is expected?
    pub(super) fn is_expected(&mut self, expect: Option<Expect>, verdict: &Verdict) -> bool {
        let expect = expect.unwrap_or(Expect::Ok);
        match verdict {
            Verdict::TimedOut { .. } | Verdict::Wrong { .. } => self.absent,
            // The release is older than the scenario: nothing to judge.
            Verdict::Absent { .. } => {
                self.absent = true;
                true
            }
            Verdict::Skipped { .. } => expect == Expect::Any || self.absent,
            Verdict::Done { status } => match expect {
                Expect::Ok | Expect::Any => true,
                Expect::Error => false,
                Expect::Status(word) => word.code() == status.code(),
            },
            Verdict::Refused { status, .. } => match expect {
                Expect::Ok => false,
                Expect::Any | Expect::Error => true,
                Expect::Status(word) => word.code() == status.code(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nixl::capi::Status;
    use crate::scenario::StatusWord;

    const DONE: Verdict = Verdict::Done {
        status: Status::Success,
    };
    const REFUSED: Verdict = Verdict::Refused {
        function: "f",
        status: Status::Backend,
    };

    fn skipped() -> Verdict {
        Verdict::Skipped {
            reason: String::new(),
        }
    }

    fn expected(expect: Option<Expect>, verdict: &Verdict) -> bool {
        Judge::default().is_expected(expect, verdict)
    }

    #[test]
    fn success_is_expected_unless_the_line_says_otherwise() {
        assert!(expected(None, &DONE));
        assert!(expected(Some(Expect::Any), &DONE));
        assert!(!expected(None, &REFUSED));
        assert!(!expected(None, &skipped()));
        assert!(!expected(Some(Expect::Error), &DONE));
    }

    #[test]
    fn an_error_is_expected_where_the_line_says_so() {
        assert!(expected(Some(Expect::Error), &REFUSED));
        assert!(expected(
            Some(Expect::Status(StatusWord::Backend)),
            &REFUSED
        ));
        assert!(!expected(
            Some(Expect::Status(StatusWord::NotFound)),
            &REFUSED
        ));
        assert!(!expected(Some(Expect::Error), &skipped()));
    }

    #[test]
    fn wrong_bytes_are_never_expected() {
        let wrong = Verdict::Wrong {
            what: String::new(),
        };
        assert!(!expected(Some(Expect::Any), &wrong));
        assert!(!expected(Some(Expect::Error), &wrong));
    }

    #[test]
    fn what_is_missing_behind_an_absent_function_is_not_judged() {
        let mut judge = Judge::default();
        assert!(!judge.is_expected(None, &skipped()));
        assert!(judge.is_expected(None, &Verdict::Absent { function: "f" }));
        assert!(judge.is_expected(None, &skipped()));
        let late = Verdict::TimedOut {
            what: String::new(),
        };
        assert!(judge.is_expected(None, &late));
        assert!(!judge.is_expected(None, &REFUSED));
    }
}
