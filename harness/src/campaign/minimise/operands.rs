//! Simpler operands: fewer and whole descriptors, no optional arguments, small regions, no expectations.

use super::operations::Place;
use super::{Candidate, Search};
use crate::scenario::{
    Addresses, AgentConfig, Desc, Line, Message, Op, RemoteDesc, Span, Step, Sync, TransferOptions,
};

/// The smallest block that is mapped and unmapped: a page.
const CHURN_BYTES: u32 = 4096;

/// Sizes of a region that are tried in turn.
const SIZES: [u32; 2] = [64, 4096];

/// Takes the simplest form of each step that still shows the finding.
pub(super) fn simpler(search: &mut Search<'_>) -> anyhow::Result<()> {
    for place in Place::ALL {
        let mut index = 0;
        while index < place.len(search) {
            if !simplify(search, place, index)? {
                index += 1;
            }
        }
    }
    Ok(())
}

/// Takes a simpler form of one step; says whether any shows the finding.
fn simplify(search: &mut Search<'_>, place: Place, index: usize) -> anyhow::Result<bool> {
    let mut scenario = search.best.scenario.clone();
    let forms = match place.steps_mut(&mut scenario) {
        Some(steps) => simpler_steps(&steps[index]),
        None => Vec::new(),
    };
    for form in forms {
        if let Some(steps) = place.steps_mut(&mut scenario) {
            steps[index] = form;
        }
        let candidate = Candidate {
            scenario: scenario.clone(),
            faults: search.best.faults.clone(),
        };
        if search.try_one(candidate)? {
            return Ok(true);
        }
        // Without enough rounds there is no such repeat any more.
        scenario = search.best.scenario.clone();
    }
    Ok(false)
}

/// Simpler forms of a step, the simplest first; each has less of something and more of nothing, so that taking one after the other ends.
fn simpler_steps(step: &Step) -> Vec<Step> {
    match step {
        Step::Repeat { count, body } => {
            let mut counts = vec![1, count / 2, count.saturating_sub(1)];
            counts.retain(|fewer| (1..*count).contains(fewer));
            counts.dedup();
            let repeat = |count| Step::Repeat {
                count,
                body: body.clone(),
            };
            counts.into_iter().map(repeat).collect()
        }
        Step::Line(line) => {
            let mut lines: Vec<Line> = simpler_ops(&line.op)
                .into_iter()
                .map(|op| Line {
                    op,
                    expect: line.expect,
                })
                .collect();
            if line.expect.is_some() {
                lines.push(Line {
                    op: line.op.clone(),
                    expect: None,
                });
            }
            lines.into_iter().map(Step::Line).collect()
        }
    }
}

/// Collects forms of an operation that differ from it.
struct Forms<'a> {
    op: &'a Op,
    all: Vec<Op>,
}

impl Forms<'_> {
    /// The operation with one change, unless that changes nothing.
    fn with(&mut self, change: impl FnOnce(&mut Op)) {
        let mut form = self.op.clone();
        change(&mut form);
        if form != *self.op {
            self.all.push(form);
        }
    }
}

fn simpler_ops(op: &Op) -> Vec<Op> {
    let mut forms = Forms {
        op,
        all: Vec::new(),
    };
    settings(&mut forms);
    no_backend(&mut forms);
    descriptors(&mut forms);
    options(&mut forms);
    forms.all
}

/// Names, configurations, parameters, sizes, messages and numbers.
fn settings(forms: &mut Forms<'_>) {
    match forms.op {
        Op::Agent { config: given, .. } => {
            forms.with(|form| {
                if let Op::Agent { config, .. } = form {
                    *config = Some(AgentConfig::default());
                }
            });
            for simpler in given.iter().flat_map(simpler_configs) {
                forms.with(|form| {
                    if let Op::Agent { config, .. } = form {
                        *config = Some(simpler);
                    }
                });
            }
            forms.with(|form| {
                if let Op::Agent { name, .. } = form {
                    *name = None;
                }
            });
        }
        Op::Backend { params: given, .. } => {
            forms.with(|form| {
                if let Op::Backend { params, .. } = form {
                    params.clear();
                }
            });
            for index in 0..given.len() {
                forms.with(|form| {
                    if let Op::Backend { params, .. } = form {
                        params.remove(index);
                    }
                });
            }
        }
        Op::Region { .. } => {
            for smaller in SIZES {
                forms.with(|form| {
                    if let Op::Region { size, .. } = form {
                        *size = smaller.min(*size);
                    }
                });
            }
            forms.with(|form| {
                if let Op::Region { place, .. } = form {
                    *place = None;
                }
            });
        }
        Op::Churn { .. } => {
            forms.with(|form| {
                if let Op::Churn { size, .. } = form {
                    *size = CHURN_BYTES.min(*size);
                }
            });
            forms.with(|form| {
                if let Op::Churn { addresses, .. } = form {
                    *addresses = Addresses::Reused;
                }
            });
            forms.with(|form| {
                if let Op::Churn { times, .. } = form {
                    *times = 1;
                }
            });
        }
        _ => forms.with(|form| match form {
            Op::Post { notif, .. } => *notif = None,
            Op::Notify { message, .. } => *message = Message(b"n".to_vec()),
            Op::Notifs { times, .. } => *times = 1,
            _ => {}
        }),
    }
}

fn simpler_configs(config: &AgentConfig) -> Vec<AgentConfig> {
    let usual = AgentConfig::default();
    let with = |change: &dyn Fn(&mut AgentConfig)| {
        let mut simpler = config.clone();
        change(&mut simpler);
        simpler
    };
    vec![
        with(&|config| config.progress_thread = false),
        with(&|config| config.listen_thread = false),
        with(&|config| config.listen_port = 0),
        with(&|config| config.sync = Sync::None),
        with(&|config| config.num_workers = usual.num_workers),
        with(&|config| config.pthr_delay_us = usual.pthr_delay_us),
        with(&|config| config.lthr_delay_us = usual.lthr_delay_us),
        with(&|config| config.telemetry = false),
    ]
}

/// No backend is named.
fn no_backend(forms: &mut Forms<'_>) {
    forms.with(|form| match form {
        Op::Register { backend, .. }
        | Op::Deregister { backend, .. }
        | Op::QueryMem { backend, .. }
        | Op::QueryFile { backend, .. }
        | Op::GetPartialMd { backend, .. }
        | Op::Connect { backend, .. }
        | Op::Prep { backend, .. }
        | Op::Notify { backend, .. }
        | Op::LocalView { backend, .. }
        | Op::RemoteView { backend, .. }
        | Op::TourOptions { backend } => *backend = None,
        Op::Make { options, .. } | Op::Create { options, .. } => options.backend = None,
        _ => {}
    });
}

/// The optional arguments of a transfer.
fn options(forms: &mut Forms<'_>) {
    let changes: [fn(&mut TransferOptions); 3] = [
        |options| options.notif = None,
        |options| options.custom = None,
        |options| options.skip_merge = false,
    ];
    for change in changes {
        forms.with(|form| {
            if let Op::Make { options, .. } | Op::Create { options, .. } = form {
                change(options);
            }
        });
    }
}

/// Fewer descriptors, then whole regions. The two sides of a transfer must stay of one length.
fn descriptors(forms: &mut Forms<'_>) {
    match forms.op {
        Op::Register { descs, .. }
        | Op::Deregister { descs, .. }
        | Op::QueryMem { descs, .. }
        | Op::GetPartialMd { descs, .. }
        | Op::CheckMd { descs, .. }
        | Op::SendMd { descs, .. }
        | Op::Prep { descs, .. }
        | Op::LocalView { descs, .. }
        | Op::TourLists { descs } => {
            let lists = fewer(descs).into_iter().chain(whole(descs));
            for simpler in lists.collect::<Vec<_>>() {
                forms.with(|form| set_descs(form, simpler));
            }
        }
        Op::RemoteView { descs: given, .. } => {
            let mut lists = fewer(given);
            lists.extend(whole(given));
            for simpler in lists {
                forms.with(|form| {
                    if let Op::RemoteView { descs, .. } = form {
                        *descs = simpler;
                    }
                });
            }
        }
        Op::Make { .. } => forms.with(|form| {
            if let Op::Make {
                local_indices,
                remote_indices,
                ..
            } = form
            {
                local_indices.clear();
                remote_indices.clear();
            }
        }),
        Op::Create { local, remote, .. } => pairs(&local.clone(), &remote.clone(), forms),
        _ => {}
    }
}

fn set_descs(form: &mut Op, simpler: Vec<Desc>) {
    if let Op::Register { descs, .. }
    | Op::Deregister { descs, .. }
    | Op::QueryMem { descs, .. }
    | Op::GetPartialMd { descs, .. }
    | Op::CheckMd { descs, .. }
    | Op::SendMd { descs, .. }
    | Op::Prep { descs, .. }
    | Op::LocalView { descs, .. }
    | Op::TourLists { descs } = form
    {
        *descs = simpler;
    }
}

fn pairs(given_local: &[Desc], given_remote: &[Desc], forms: &mut Forms<'_>) {
    let mut set = |locals: Vec<Desc>, remotes: Vec<Desc>| {
        forms.with(|form| {
            if let Op::Create { local, remote, .. } = form {
                *local = locals;
                *remote = remotes;
            }
        });
    };
    if given_local.len() == given_remote.len() {
        for (locals, remotes) in fewer(given_local).into_iter().zip(fewer(given_remote)) {
            set(locals, remotes);
        }
    }
    if let (Some(locals), Some(remotes)) = (whole(given_local), whole(given_remote)) {
        set(locals, remotes);
    }
}

/// The first one alone, then all but one; never none, which is another operation in many places.
fn fewer<T: Clone>(all: &[T]) -> Vec<Vec<T>> {
    if all.len() < 2 {
        return Vec::new();
    }
    let without = |gone: usize| {
        let kept = all.iter().enumerate().filter(|(index, _)| *index != gone);
        kept.map(|(_, one)| one.clone()).collect()
    };
    let mut lists = vec![all[..1].to_vec()];
    if all.len() > 2 {
        lists.extend((0..all.len()).rev().map(without));
    }
    lists
}

/// All without their spans; `None` if none has one.
fn whole<T: Spanned>(all: &[T]) -> Option<Vec<T>> {
    all.iter()
        .any(|one| one.span().is_some())
        .then(|| all.iter().map(Spanned::whole).collect())
}

/// A descriptor that may be a part of its region.
trait Spanned: Sized {
    fn span(&self) -> Option<Span>;
    fn whole(&self) -> Self;
}

impl Spanned for Desc {
    fn span(&self) -> Option<Span> {
        self.span
    }

    fn whole(&self) -> Desc {
        Desc {
            region: self.region,
            span: None,
        }
    }
}

impl Spanned for RemoteDesc {
    fn span(&self) -> Option<Span> {
        self.desc.span
    }

    fn whole(&self) -> RemoteDesc {
        RemoteDesc {
            agent: self.agent,
            desc: self.desc.whole(),
        }
    }
}
