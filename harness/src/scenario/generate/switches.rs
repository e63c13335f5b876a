//! What a scenario may have that costs much time: each is switched on in a few scenarios only, so that most are played in a fraction of a
//! millisecond, and where it is on it comes often.

use super::SETUP_BYTES;
use super::memory::LARGE;
use crate::scenario::{Op, Scenario};

/// Drawn once for a scenario. A byte of zero switches nothing on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Switches {
    /// The known crashes of NIXL are not gone round: in the others, what lies behind them is reached.
    pub(super) hazards: bool,
    /// Progress threads, thread pools and several client threads.
    pub(super) threads: bool,
    /// Listener threads.
    pub(super) listeners: bool,
    /// Telemetry, for which NIXL has a thread for each agent, which takes as long as all else in a scenario without others.
    pub(super) telemetry: bool,
    /// POSIX backends: the kernel takes tens of milliseconds to take one's queue down (io_destroy(2)).
    pub(super) files: bool,
    /// A region that takes most of a scenario's time to be filled.
    pub(super) large: bool,
}

/// One scenario of so many has it.
const HAZARDS_OF: u8 = 20;
const THREADS_OF: u8 = 8;
const LISTENERS_OF: u8 = 8;
const TELEMETRY_OF: u8 = 4;
const FILES_OF: u8 = 128;
const LARGE_OF: u8 = 12;

impl Switches {
    /// Those that a scenario needs to come out of the generator as it is, but for the known crashes.
    pub(super) fn needed_by<'a>(ops: impl Iterator<Item = &'a Op>) -> Switches {
        let mut needed = Switches::new(&[0; SETUP_BYTES]);
        for op in ops {
            match op {
                Op::Agent { config, .. } => {
                    let config = config.as_ref();
                    needed.threads |= config.is_none_or(|config| config.progress_thread);
                    needed.listeners |= config.is_some_and(|config| config.listen_thread);
                    needed.telemetry |= config.is_some_and(|config| config.telemetry);
                }
                Op::Backend { plugin, params, .. } => {
                    needed.files |= plugin == "POSIX";
                    needed.threads |= params.iter().any(|param| param.key == "num_threads");
                }
                Op::Together { .. } => needed.threads = true,
                Op::Region { size, .. } => needed.large |= *size >= LARGE,
                _ => {}
            }
        }
        needed
    }

    /// Puts them into the bytes of a start.
    pub(super) fn write(self, setup: &mut [u8; SETUP_BYTES]) {
        let last = |on: bool, count: u8| if on { count - 1 } else { 0 };
        setup[2] = last(self.hazards, HAZARDS_OF) + HAZARDS_OF * last(self.large, LARGE_OF);
        setup[6] = last(self.threads, THREADS_OF)
            + THREADS_OF * last(self.listeners, LISTENERS_OF)
            + THREADS_OF * LISTENERS_OF * last(self.telemetry, TELEMETRY_OF);
        setup[7] = last(self.files, FILES_OF);
    }

    pub(super) fn new(setup: &[u8; SETUP_BYTES]) -> Switches {
        let one_of = |byte: u8, count: u8| byte % count == count - 1;
        Switches {
            hazards: one_of(setup[2], HAZARDS_OF),
            threads: one_of(setup[6], THREADS_OF),
            listeners: one_of(setup[6] / THREADS_OF, LISTENERS_OF),
            telemetry: one_of(setup[6] / THREADS_OF / LISTENERS_OF, TELEMETRY_OF),
            files: one_of(setup[7], FILES_OF),
            large: one_of(setup[2] / HAZARDS_OF, LARGE_OF),
        }
    }
}

/// Whether a scenario has what costs much time.
pub fn takes_long(scenario: &Scenario) -> bool {
    let needed = Switches::needed_by(scenario.lines().map(|line| &line.op));
    needed.threads || needed.listeners || needed.files
}

#[cfg(test)]
mod tests {
    use super::*;

    fn switches(bytes: [u8; 3]) -> Switches {
        let mut setup = [0; SETUP_BYTES];
        [setup[2], setup[6], setup[7]] = bytes;
        Switches::new(&setup)
    }

    #[test]
    fn zeroes_switch_nothing_on_and_each_switch_is_on_alone() {
        let none = switches([0; 3]);
        let on = |one: Switches| {
            [
                one.hazards,
                one.threads,
                one.listeners,
                one.telemetry,
                one.files,
                one.large,
            ]
        };
        assert_eq!(on(none), [false; 6]);
        let cases = [
            [19, 0, 0],
            [0, 7, 0],
            [0, 56, 0],
            [0, 192, 0],
            [0, 0, 127],
            [220, 0, 0],
        ];
        for (index, bytes) in cases.into_iter().enumerate() {
            let mut expected = [false; 6];
            expected[index] = true;
            assert_eq!(on(switches(bytes)), expected);
        }
    }
}
