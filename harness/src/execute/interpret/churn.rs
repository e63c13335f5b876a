//! Memory that comes and goes beside NIXL's: the blocks of an allocator whose pools are mapped and unmapped.

use std::io;

use super::reply::{Played, Reply, Stop, skip};
use super::world::World;
use crate::scenario::{Addresses, REGION_BYTES_MAX};

/// Where blocks lie: addresses that no loader and no allocator uses, behind those of the mock's handles, so that they are the same in each
/// play. Nothing is mapped there beforehand, for that would be one more mapping that goes.
const BASE: usize = 0x5000_0000_0000;
/// Each pattern has its own part.
const PART_BYTES: usize = 1 << 40;
/// Places for blocks anywhere.
const PLACES: u64 = 1 << 20;
const PAGE: usize = 4096;

impl World {
    pub(super) fn churn(&mut self, size: u32, addresses: Addresses, times: u16) -> Played {
        let size = size.clamp(1, REGION_BYTES_MAX) as usize;
        let size = size.next_multiple_of(PAGE);
        for _ in 0..times.max(1) {
            let count = self.churned.entry(addresses).or_default();
            let at = place(addresses, *count, size);
            *count += 1;
            cycle(at, size)?;
        }
        Ok(Reply::done())
    }
}

/// The address of the block with this number.
fn place(addresses: Addresses, number: u64, size: usize) -> usize {
    let part = BASE + addresses as usize * PART_BYTES;
    let blocks = match addresses {
        Addresses::Reused => 0,
        Addresses::Adjacent => number,
        Addresses::Scattered => 2 * number,
        Addresses::Random => 2 * (scrambled(number) % PLACES),
    };
    part + (blocks as usize * size) % PART_BYTES
}

/// The finaliser of SplitMix64.
fn scrambled(number: u64) -> u64 {
    let z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Maps a block, touches each page and unmaps it.
fn cycle(at: usize, size: usize) -> Result<(), Stop> {
    let access = libc::PROT_READ | libc::PROT_WRITE;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: MAP_FIXED_NOREPLACE never replaces a mapping; what was mapped is written to within its length and unmapped once.
    unsafe {
        let block = libc::mmap(at as *mut libc::c_void, size, access, flags, -1, 0);
        if block == libc::MAP_FAILED {
            let error = io::Error::last_os_error();
            return skip(format!("cannot map {size} bytes at {at:#x}: {error}"));
        }
        for page in (0..size).step_by(PAGE) {
            block.cast::<u8>().add(page).write_volatile(1);
        }
        libc::munmap(block, size);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(addresses: Addresses) -> Vec<usize> {
        let all = (0..100).map(|number| place(addresses, number, 2 * PAGE));
        all.collect()
    }

    #[test]
    fn blocks_lie_to_each_other_as_they_are_asked_to() {
        let gaps = |addresses| {
            let places = places(addresses);
            let gaps: Vec<usize> = places.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps
        };
        assert_eq!(gaps(Addresses::Reused), [0; 99]);
        assert_eq!(gaps(Addresses::Adjacent), [2 * PAGE; 99]);
        assert_eq!(gaps(Addresses::Scattered), [4 * PAGE; 99]);
        let mut random = places(Addresses::Random);
        assert_eq!(random, places(Addresses::Random));
        random.sort_unstable();
        assert!(random.windows(2).all(|pair| pair[1] - pair[0] >= 4 * PAGE));
    }

    #[test]
    fn patterns_do_not_meet() {
        let reused = place(Addresses::Reused, 0, PAGE);
        let random = place(Addresses::Random, 12, PAGE);
        assert!(reused < BASE + PART_BYTES && random >= BASE + 3 * PART_BYTES);
    }

    #[test]
    fn blocks_keep_out_of_what_is_the_mocks_and_of_where_programs_lie() {
        // The kernel puts programs from two thirds of the address space on (ELF_ET_DYN_BASE).
        let programs = 0x5555_5555_4000;
        let all = BASE..BASE + 4 * PART_BYTES;
        assert!(mock_ucx::HANDLE_ADDRESSES.end <= all.start as u64 && all.end <= programs);
    }

    #[test]
    fn a_block_is_mapped_where_it_should_be_and_is_gone_afterwards() {
        let at = place(Addresses::Random, 77, PAGE);
        for _ in 0..2 {
            assert!(cycle(at, PAGE).is_ok());
        }
    }
}
