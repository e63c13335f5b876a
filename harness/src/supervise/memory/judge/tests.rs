//! Growth over time is told from warm-up and from what comes and goes.

use std::time::Duration;

use super::super::series::Sample;
use super::*;

/// A process with one site that has live bytes by the number of the sample, and unmaps that cost so many nanoseconds each.
fn process(bytes: impl Fn(usize) -> i64, unmap_ns: impl Fn(usize) -> u64) -> ProcessMemory {
    let samples = 0..40usize;
    let mut total_ns = 0;
    let unmaps: Vec<SitePoint> = samples
        .clone()
        .map(|at| {
            total_ns += 100 * unmap_ns(at);
            SitePoint {
                total: 100 * (at as u64 + 1),
                total_ns,
                ..SitePoint::default()
            }
        })
        .collect();
    let live = samples.clone().map(|at| SitePoint {
        bytes: bytes(at),
        ..SitePoint::default()
    });
    let site = |kind, points| SiteSeries {
        kind,
        frames: vec![0x1000],
        points,
    };
    let sites = [
        (1, site(Kind::Mapping, live.collect())),
        (2, site(Kind::Unmap, unmaps)),
    ];
    ProcessMemory {
        samples: samples
            .map(|at| Sample {
                at: Duration::from_millis(50 * at as u64),
                resident: 1,
            })
            .collect(),
        sites: BTreeMap::from(sites),
        ..ProcessMemory::default()
    }
}

fn growers(bytes: impl Fn(usize) -> i64) -> Vec<Grower> {
    match judge(&process(bytes, |_| 1000), &mut Symbolizer::new()) {
        Verdict::Grows(growers) => growers,
        Verdict::TooShort(samples) => panic!("{samples} samples"),
    }
}

#[test]
fn what_grows_all_the_time_is_told_with_its_slope() {
    let [grower] = &growers(|at| at as i64 * 100_000)[..] else {
        panic!("one site grows");
    };
    assert_eq!(grower.bytes, 25 * 100_000);
    assert!(grower.fit > 0.999 && grower.unmaps == 2500, "{grower:?}");
}

#[test]
fn what_grows_more_and_more_slowly_but_goes_on_is_told() {
    assert_eq!(growers(|at| ((at as f64).sqrt() * 1e6) as i64).len(), 1);
}

#[test]
fn warm_up_a_cache_that_fills_up_and_what_comes_and_goes_are_not_told() {
    for silent in [
        |at: usize| (at.min(12) as i64) * 1_000_000,
        |at: usize| (at.min(25) as i64) * 1_000_000,
        |at: usize| if at < 30 { 0 } else { 10_000_000 },
        |at: usize| (at % 7) as i64 * 1_000_000,
        |at: usize| at as i64 * 100,
    ] {
        assert!(growers(silent).is_empty());
    }
}

#[test]
fn a_process_that_ends_early_is_not_judged() {
    let mut short = process(|at| at as i64 * 100_000, |_| 1000);
    short.samples.truncate(10);
    let verdict = judge(&short, &mut Symbolizer::new());
    assert!(matches!(verdict, Verdict::TooShort(9)), "{verdict:?}");
}

#[test]
fn an_unmap_that_costs_more_and_more_is_told_and_one_that_does_not_is_not() {
    let cost_of = |unmap_ns: fn(usize) -> u64| {
        let process = process(|_| 0, unmap_ns);
        let unmapping = process
            .sites
            .values()
            .filter(|site| site.kind == Kind::Unmap);
        cost(&[13, 19, 25, 31, 38], &sum(unmapping, 39))
    };
    let grows = cost_of(|at| 1000 * at as u64).expect("it grows");
    assert!(grows.first_us > 13.0 && grows.last_us > 31.0, "{grows:?}");
    assert_eq!(cost_of(|_| 20_000), None);
    assert_eq!(cost_of(|at| if at == 20 { 90_000 } else { 20_000 }), None);
}
