//! Whether a change between two neighbouring releases is NIXL's or that of the UCX in their wheels: the release in which the finding shows
//! is played with the mock as the other one's UCX.

use super::{Verdict, Verdicts, examine, keep};
use crate::campaign::recorded::Recorded;
use crate::execute::pool::Zygote;
use crate::nixl::Release;
use crate::report::Symbolizer;

/// One play is enough: it only says whether the change of UCX's version alone makes the difference.
const TIMES: u32 = 1;

/// Changes from one release to the next that go with UCX's version, in words.
///
/// # Errors
/// No process can be had, or the store cannot be written.
pub fn depends_on_ucx(
    recorded: &Recorded,
    releases: &[&'static Release],
    verdicts: &[Verdict],
    store: &mut Verdicts,
) -> anyhow::Result<Vec<String>> {
    let mut told = Vec::new();
    for place in 1..releases.len() {
        let shows = |at: usize| matches!(verdicts[at], Verdict::Shows { .. });
        let (showing, other) = match (shows(place - 1), shows(place)) {
            (true, false) if verdicts[place] == Verdict::Clean => (place - 1, place),
            (false, true) if verdicts[place - 1] == Verdict::Clean => (place, place - 1),
            _ => continue,
        };
        let (release, ucx) = (releases[showing], releases[other].ucx);
        if release.ucx == ucx {
            continue;
        }
        let verdict = with_ucx(recorded, release, ucx, store)?;
        if !matches!(verdict, Verdict::Shows { .. } | Verdict::Failed(_)) {
            told.push(format!(
                "NIXL {} shows it on UCX {}, and does not on UCX {ucx}",
                release.spec(),
                release.ucx
            ));
        }
    }
    Ok(told)
}

fn with_ucx(
    recorded: &Recorded,
    release: &'static Release,
    ucx: &str,
    store: &mut Verdicts,
) -> anyhow::Result<Verdict> {
    let name = format!("{} on UCX {ucx}", release.spec());
    if let Some(verdict) = store.get(recorded, &name) {
        return Ok(verdict.clone());
    }
    let mut zygote = Zygote::start(&release.spec())?;
    zygote.be_ucx(ucx);
    let spec = release.spec();
    let verdict = examine(&mut zygote, &mut Symbolizer::new(), &spec, recorded, TIMES)?;
    keep(store, recorded, name, verdict.clone())?;
    Ok(verdict)
}
