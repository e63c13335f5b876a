//! Whether what happened on the real UCX is what the finding says.

use std::collections::BTreeMap;

use super::{Count, Interference, Line};
use crate::oracle::Oracle;
use crate::report::{Certificate, Finding};

/// Kinds that the shim counts; it does not see what UCX does inside, nor what a client only reads.
const COUNTED: [&str; 6] = [
    "worker",
    "endpoint",
    "memory_handle",
    "rkey_buffer",
    "rkey",
    "request",
];

/// A play on the real UCX.
#[derive(Debug, Default)]
pub struct Real {
    /// The signal that it died of.
    pub signal: Option<i32>,
    /// It ended by itself.
    pub ended: bool,
    /// What it told.
    pub lines: Vec<Line>,
}

impl Real {
    /// The operation that began last.
    fn last_operation(&self) -> Option<&str> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Begin { operation } => Some(operation.as_str()),
            _ => None,
        })
    }

    /// The operations that found something wrong.
    fn wrong(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.lines.windows(2);
        pairs.filter_map(|pair| match pair {
            [Line::Begin { operation }, Line::Wrong { what }] => {
                Some((operation.as_str(), what.as_str()))
            }
            _ => None,
        })
    }

    /// The operations that NIXL refused.
    fn refused(&self) -> impl Iterator<Item = (&str, &str)> {
        let mut operation = "";
        self.lines.iter().filter_map(move |line| match line {
            Line::Begin { operation: begun } => {
                operation = begun;
                None
            }
            Line::Refused { what } => Some((operation, what.as_str())),
            _ => None,
        })
    }

    /// What was made and given back, if it came to the end.
    fn handles(&self) -> Option<&BTreeMap<String, Count>> {
        self.lines.iter().rev().find_map(|line| match line {
            Line::Done { handles } => Some(handles),
            _ => None,
        })
    }

    fn count(&self, kind: &str) -> Option<Count> {
        Some(self.handles()?.get(kind).copied().unwrap_or_default())
    }

    /// Why an interference could not be done.
    fn impossible(&self) -> Option<&str> {
        self.lines.iter().find_map(|line| match line {
            Line::Impossible { why } => Some(why.as_str()),
            _ => None,
        })
    }

    fn fired(&self) -> usize {
        let fired = |line: &&Line| matches!(line, Line::Fired { .. });
        self.lines.iter().filter(fired).count()
    }

    /// How the process ended, in words.
    fn end(&self) -> String {
        match self.signal {
            Some(signal) => format!("it died of {}", signal_name(signal)),
            None if !self.ended => "it did not end within 30 seconds".to_owned(),
            None => "it came to its end".to_owned(),
        }
    }
}

/// Why nothing that the real UCX does can show this finding, if so.
pub fn beyond(finding: &Finding) -> Option<String> {
    let why = match finding.oracle {
        Oracle::Rule => "it does not tell that a rule was broken",
        Oracle::Hang => "a hang there cannot be told from a slow answer",
        Oracle::Notification => "the interpreter there does not ask the model",
        Oracle::Growth | Oracle::Kept => "what is live is not counted there",
        Oracle::Incomplete => "nothing was found",
        Oracle::Lost if !COUNTED.contains(&finding.object.as_str()) => {
            return Some(format!("the shim does not count a {}", finding.object));
        }
        Oracle::Lost | Oracle::Crash | Oracle::Bytes | Oracle::Status => return None,
    };
    Some(why.to_owned())
}

/// Compares; `control` is the same scenario without interference, `None` if the finding needs none.
pub fn judge(
    finding: &Finding,
    order: &[Interference],
    real: &Real,
    control: Option<&Real>,
) -> Certificate {
    if let Some(why) = real.impossible() {
        return Certificate::Impossible {
            why: why.to_owned(),
        };
    }
    let not = |what: String| Certificate::NotShown { what };
    if real.fired() < order.len() && real.signal.is_none() {
        return not("the call that has to fail was never made there".to_owned());
    }
    match finding.oracle {
        Oracle::Crash => crash(finding, real, control),
        Oracle::Bytes => bytes(finding, real),
        Oracle::Status => status(finding, real),
        _ => lost(finding, real, control),
    }
}

fn crash(finding: &Finding, real: &Real, control: Option<&Real>) -> Certificate {
    let operation = real.last_operation().unwrap_or("no operation");
    let what = format!("{}, in `{operation}`", real.end());
    let signal = real.signal.map(signal_name).unwrap_or_default();
    let rule = finding.rule.as_deref().unwrap_or_default();
    let same = rule.split(':').next() == Some(signal.as_str())
        && Some(operation) == finding.operation.as_deref();
    match control {
        Some(control) if control.signal.is_some() => Certificate::NotShown {
            what: format!("without the fault, too, {}", control.end()),
        },
        _ if same => Certificate::Shown { what },
        _ => Certificate::NotShown { what },
    }
}

fn bytes(finding: &Finding, real: &Real) -> Certificate {
    let same = |(operation, _): &(&str, &str)| Some(*operation) == finding.operation.as_deref();
    match real.wrong().find(same) {
        Some((operation, what)) => Certificate::Shown {
            what: format!("{what}, in `{operation}`"),
        },
        None => Certificate::NotShown {
            what: "what arrived was right".to_owned(),
        },
    }
}

/// The model says that it is wrong, of any UCX; here the question is whether NIXL answers the same.
fn status(finding: &Finding, real: &Real) -> Certificate {
    let same = |(operation, what): &(&str, &str)| {
        let told = finding.evidence.first().map_or("", String::as_str);
        Some(*operation) == finding.operation.as_deref() && told.ends_with(what)
    };
    match real.refused().find(same) {
        Some((operation, what)) => Certificate::Shown {
            what: format!("{what}, in `{operation}`"),
        },
        None => Certificate::NotShown {
            what: "NIXL did not answer that there".to_owned(),
        },
    }
}

fn lost(finding: &Finding, real: &Real, control: Option<&Real>) -> Certificate {
    let kind = finding.object.as_str();
    let words = kind.replace('_', " ");
    let Some(count) = real.count(kind) else {
        return Certificate::NotShown { what: real.end() };
    };
    let what = format!(
        "{words}s that NIXL made: {}, gave back: {}, left alive when their parent ended: {}",
        count.made, count.ended, count.lost
    );
    match control.map(|control| control.count(kind)) {
        Some(None) => Certificate::NotShown {
            what: "without the fault it did not come to its end".to_owned(),
        },
        Some(Some(before)) if before.lost >= count.lost && count.lost > 0 => {
            Certificate::NotShown {
                what: format!("{what}, as without the fault"),
            }
        }
        _ if count.lost > 0 => Certificate::Shown {
            what: match control {
                Some(_) => format!("{what}; without the fault: 0"),
                None => what,
            },
        },
        _ => Certificate::NotShown { what },
    }
}

/// As findings name it.
fn signal_name(signal: i32) -> String {
    match signal {
        libc::SIGSEGV => "SIGSEGV".to_owned(),
        libc::SIGABRT => "SIGABRT".to_owned(),
        libc::SIGBUS => "SIGBUS".to_owned(),
        libc::SIGFPE => "SIGFPE".to_owned(),
        libc::SIGILL => "SIGILL".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::certificate::How;
    use crate::report::testing::sample;

    fn order() -> Vec<Interference> {
        vec![Interference {
            function: "ucp_rkey_pack".to_owned(),
            endpoint: None,
            occurrence: 1,
            how: How::Answer(-4),
        }]
    }

    fn begin(operation: &str) -> Line {
        Line::Begin {
            operation: operation.to_owned(),
        }
    }

    fn done(lost: u64) -> Line {
        let count = Count {
            made: 2,
            ended: 2 - lost,
            lost,
        };
        Line::Done {
            handles: [("memory_handle".to_owned(), count)].into(),
        }
    }

    fn real(lines: Vec<Line>, signal: Option<i32>) -> Real {
        Real {
            signal,
            ended: true,
            lines,
        }
    }

    fn shown(finding: &Finding, real: &Real, control: Option<&Real>) -> bool {
        let certificate = judge(finding, &order(), real, control);
        matches!(certificate, Certificate::Shown { .. })
    }

    #[test]
    fn a_handle_is_lost_there_if_the_fault_makes_the_difference() {
        let finding = sample("f", "ucp_rkey_pack@1=NO_MEMORY");
        let fired = Line::Fired { index: 0 };
        let lossy = real(vec![fired.clone(), done(1)], None);
        assert!(shown(&finding, &lossy, Some(&real(vec![done(0)], None))));
        assert!(!shown(&finding, &lossy, Some(&real(vec![done(1)], None))));
        assert!(!shown(
            &finding,
            &lossy,
            Some(&real(Vec::new(), Some(libc::SIGSEGV)))
        ));
        let clean = real(vec![fired, done(0)], None);
        assert!(!shown(&finding, &clean, Some(&real(vec![done(0)], None))));
        // The call that has to fail was never made.
        assert!(!shown(&finding, &real(vec![done(1)], None), None));
    }

    #[test]
    fn a_crash_is_the_same_by_signal_and_operation() {
        let mut finding = sample("f", "ucp_rkey_pack@1=NO_MEMORY");
        finding.oracle = Oracle::Crash;
        finding.rule = Some("SIGSEGV".to_owned());
        finding.operation = Some("post x0".to_owned());
        let fired = Line::Fired { index: 0 };
        let lines = |operation| vec![fired.clone(), begin("wait x0"), begin(operation)];
        let calm = real(vec![done(0)], None);
        let crash = |operation, signal| real(lines(operation), signal);
        assert!(shown(
            &finding,
            &crash("post x0", Some(libc::SIGSEGV)),
            Some(&calm)
        ));
        assert!(!shown(
            &finding,
            &crash("post x1", Some(libc::SIGSEGV)),
            Some(&calm)
        ));
        assert!(!shown(
            &finding,
            &crash("post x0", Some(libc::SIGABRT)),
            Some(&calm)
        ));
        assert!(!shown(&finding, &crash("post x0", None), Some(&calm)));
        let also = crash("post x0", Some(libc::SIGSEGV));
        assert!(!shown(&finding, &also, Some(&also)));
    }

    #[test]
    fn a_status_is_the_same_by_operation_and_answer() {
        let mut finding = sample("f", "ucp_rkey_pack@1=NO_MEMORY");
        finding.oracle = Oracle::Status;
        finding.operation = Some("load_md a0 m1".to_owned());
        finding.evidence = vec!["operation 14: load answered BACKEND".to_owned()];
        let answered = |operation, what: &str| {
            let refused = Line::Refused {
                what: what.to_owned(),
            };
            let fired = Line::Fired { index: 0 };
            real(vec![begin(operation), fired, refused, done(0)], None)
        };
        assert!(shown(
            &finding,
            &answered("load_md a0 m1", "load answered BACKEND"),
            None
        ));
        assert!(!shown(
            &finding,
            &answered("load_md a0 m2", "load answered BACKEND"),
            None
        ));
        assert!(!shown(
            &finding,
            &answered("load_md a0 m1", "load answered EXCEPTION"),
            None
        ));
    }

    #[test]
    fn what_the_real_ucx_cannot_show_is_said_before_it_is_played() {
        let mut finding = sample("f", "");
        assert_eq!(beyond(&finding), None);
        finding.object = "listener".to_owned();
        assert!(beyond(&finding).is_some());
        finding.oracle = Oracle::Rule;
        assert!(beyond(&finding).is_some());
    }
}
