//! Tells one bug from another that looks the same: the case that shows it must not show it on the first release without it.

use std::collections::BTreeMap;

use super::signature::Signature;
use crate::campaign::minimise::{Candidate, Player};
use crate::execute::pool::Zygote;
use crate::nixl::Release;
use crate::report::{Finding, Symbolizer};

/// Cases with one fingerprint that are tried: if all of these show on the release without the bug, they are another bug.
const TRIES_MAX: usize = 20;

/// The first release without a bug.
pub(super) struct Witness {
    zygote: Zygote,
    symbols: Symbolizer,
    spec: String,
    /// By fingerprint, the cases that showed on it.
    denied: BTreeMap<String, usize>,
}

impl Witness {
    /// Loads that release.
    ///
    /// # Errors
    /// It cannot be loaded.
    pub(super) fn new(release: &Release) -> anyhow::Result<Witness> {
        let spec = release.spec();
        Ok(Witness {
            zygote: Zygote::start(&spec)?,
            symbols: Symbolizer::new(),
            spec,
            denied: BTreeMap::new(),
        })
    }

    /// Whether the finding is gone there.
    ///
    /// # Errors
    /// Nothing can be played.
    pub(super) fn confirms(
        &mut self,
        signature: &Signature,
        finding: &Finding,
    ) -> anyhow::Result<bool> {
        let denied = self.denied.entry(finding.fingerprint.clone()).or_default();
        if *denied >= TRIES_MAX {
            return Ok(false);
        }
        let mut player = Player {
            stage: &mut self.zygote,
            symbols: &mut self.symbols,
            nixl: &self.spec,
            strict: false,
            fingerprint: "",
        };
        let (shown, _) = player.play(&Candidate::of(finding)?)?;
        let still = shown.iter().any(|shown| signature.fits(shown));
        *denied += usize::from(still);
        Ok(!still)
    }
}
