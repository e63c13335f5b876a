//! Call stacks, each stored once with its counts.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::Kind;
use crate::layout::{FRAMES_MAX, SITE_CAPACITY, SITE_OF_THE_REST, Site, Tables};

/// Sites that are looked at for one stack before it counts among the rest.
const SITES_TRIED: usize = 64;

impl Tables {
    /// The number of a stack's site; made if need be.
    pub(crate) fn site_of(&self, kind: Kind, frames: &[u64]) -> u32 {
        let frames = &frames[..frames.len().min(FRAMES_MAX)];
        let hash = hash(kind, frames);
        for step in 0..SITES_TRIED {
            // The first is that of the rest.
            let index = 1 + (hash as usize + step) % (SITE_CAPACITY - 1);
            let site = &self.sites[index];
            let found = match site.hash.load(Acquire) {
                0 => match site.hash.compare_exchange(0, hash, AcqRel, Acquire) {
                    Ok(_) => {
                        site.write(kind, frames);
                        hash
                    }
                    Err(other) => other,
                },
                found => found,
            };
            // 64 bits of hash over some thousand stacks: two are alike once in 10^12 runs.
            if found == hash {
                return index as u32;
            }
        }
        self.sites_dropped.fetch_add(1, Relaxed);
        SITE_OF_THE_REST
    }

    pub(crate) fn site(&self, number: u32) -> &Site {
        self.sites
            .get(number as usize)
            .unwrap_or(&self.sites[SITE_OF_THE_REST as usize])
    }
}

impl Site {
    fn write(&self, kind: Kind, frames: &[u64]) {
        self.kind.store(kind as u32, Relaxed);
        for (place, frame) in self.frames.iter().zip(frames) {
            place.store(*frame, Relaxed);
        }
        self.frames_written.store(frames.len() as u32 + 1, Release);
    }

    pub(crate) fn count_in(&self, bytes: u64) {
        self.live_bytes.fetch_add(bytes as i64, Relaxed);
        self.live_count.fetch_add(1, Relaxed);
        self.total_bytes.fetch_add(bytes, Relaxed);
        self.total_count.fetch_add(1, Relaxed);
    }

    pub(crate) fn count_out(&self, bytes: u64) {
        self.live_bytes.fetch_sub(bytes as i64, Relaxed);
        self.live_count.fetch_sub(1, Relaxed);
    }
}

/// FNV over words, with a last mix; never 0, which marks a free site.
fn hash(kind: Kind, frames: &[u64]) -> u64 {
    let words = std::iter::once(kind as u64).chain(frames.iter().copied());
    let hash = words.fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| {
        (hash ^ word)
            .wrapping_mul(0x0000_0100_0000_01b3)
            .rotate_left(29)
    });
    (hash ^ hash >> 32).max(1)
}
