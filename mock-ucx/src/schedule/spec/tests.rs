//! Specifications as text: each value prints to a text that reads back to it, and each wrong text is answered at its place.

use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::schedule::{Choice, Move, ObjectName};

fn wrong(text: &str) -> SpecError {
    match text.parse::<FaultSpec>() {
        Ok(spec) => panic!("`{text}` is taken: {spec}"),
        Err(error) => error,
    }
}

/// The text is refused at this column of the first line, with these words.
fn refused(text: &str, column: usize, words: &str) {
    let error = wrong(text);
    assert_eq!((error.line, error.column), (1, column), "{text}: {error}");
    assert!(error.message.contains(words), "{text}: {error}");
}

fn reads_as(text: &str, canonical: &str) {
    let spec: FaultSpec = text
        .parse()
        .unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(spec.to_string(), canonical);
}

#[test]
fn a_specification_prints_as_it_is_read() {
    for text in [
        "ucp_rkey_pack@2=NO_MEMORY; ucp_ep_create=UNREACHABLE",
        "put.complete=+20; ep#1.fail@7=CONNECTION_RESET",
        "memh#3.ucp_rkey_pack@2-4%12.5*3 thread 2=NO_MEMORY",
        "system.memory@5 operation 8 thread 2=bad_alloc",
        "put.complete@3+=+5 then withheld then benign then +200",
        "close.force%0.1=ok; worker#2.progress.order=reverse",
    ] {
        reads_as(text, text);
    }
}

#[test]
fn what_can_be_written_in_several_ways_prints_in_one() {
    reads_as(
        "put.complete=+20; ep#1.fail@progress=7:CONNECTION_RESET",
        "put.complete=+20; ep#1.fail@7=CONNECTION_RESET",
    );
    reads_as(
        "endpoint#1.ep.fail thread  3 *2 %50.0 @1+ = UCS_ERR_IO_ERROR ;",
        "ep#1.fail%50*2 thread 3=IO_ERROR",
    );
    reads_as(
        "# the first\nucp_mem_map@2-2=NO_MEMORY # why\n\n  ; memory_handle#1.ucp_rkey_pack=NO_MEMORY\t#\n",
        "ucp_mem_map@2=NO_MEMORY; memh#1.ucp_rkey_pack=NO_MEMORY",
    );
}

#[test]
fn an_empty_text_asks_for_nothing() {
    for text in ["", " ; ", "# nothing\n;\n"] {
        assert!(text.parse::<FaultSpec>().unwrap().is_empty());
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_nearest_right_one() {
    refused(
        "ucp_rkey_pak@2=NO_MEMORY",
        1,
        "did you mean `ucp_rkey_pack`?",
    );
    refused(
        "ucp_mem_map=NO_MEMORY;  ucp_x=NO_MEMORY",
        25,
        "`ucp_x` is neither",
    );
    refused("put.complet=+1", 1, "did you mean `put.complete`?");
    refused("endpont#1.ep.fail=IO_ERROR", 1, "did you mean `endpoint`?");
    refused("ep#1.fial=IO_ERROR", 6, "did you mean `fail`?");
    refused("ep#1.put.complet=+1", 6, "did you mean `put.complete`?");
    refused("ucp_rkey_pack@1=no_memory", 17, "did you mean `NO_MEMORY`?");
    refused("put.complete=witheld", 14, "did you mean `withheld`?");
    refused("close.force=inlin", 13, "did you mean `inline`?");
    refused("ü=NO_MEMORY", 1, "`ü` is neither");
    refused("put.complete=ü", 14, "may be +N, withheld or benign");
}

#[test]
fn what_ucx_does_not_permit_is_refused_with_what_it_does() {
    refused("ucp_mem_unmap@1=NO_MEMORY", 1, "cannot fail");
    refused("ucp_worker_progress=NO_MEMORY", 1, "cannot fail");
    refused("ucp_rkey_pack@1=CANCELED", 17, "may be NO_MEMORY or benign");
    refused("put.status=NO_MEMORI", 12, "did you mean `NO_MEMORY`?");
    refused("put.complete=NO_MEMORY", 14, "may be +N, withheld");
    refused("ep#1.fail=+3", 11, "UCX does not let ep.fail be +3");
}

#[test]
fn an_object_that_the_point_is_never_asked_of_is_refused() {
    refused(
        "worker#1.put.complete=+1",
        1,
        "is asked of an ep, never of a worker",
    );
    refused("ep#1.ucp_mem_map=NO_MEMORY", 1, "is asked of a context");
    refused("ep#1.ucp_config_read=NO_MEMORY", 1, "has no object");
    refused("ep#0.fail=IO_ERROR", 4, "is not the number of an object");
    refused("ep#.fail=IO_ERROR", 4, "is not the number of an object");
    refused("ep#1=IO_ERROR", 5, "expected `.`");
    refused("ep#4294967296.fail=IO_ERROR", 4, "too large");
    reads_as("ep#4294967295.fail=IO_ERROR", "ep#4294967295.fail=IO_ERROR");
    reads_as(
        "context#1.handle.reuse=reuse",
        "context#1.handle.reuse=reuse",
    );
}

#[test]
fn a_place_that_means_nothing_is_refused() {
    refused(
        "ucp_mem_map@0=NO_MEMORY",
        13,
        "is not the number of an occurrence",
    );
    refused(
        "ucp_mem_map@=NO_MEMORY",
        13,
        "is not the number of an occurrence",
    );
    refused(
        "ucp_mem_map@x=NO_MEMORY",
        13,
        "is not the number of an occurrence",
    );
    refused("ucp_mem_map@5-3=NO_MEMORY", 13, "nothing from 5 to 3");
    refused(
        "ucp_mem_map@18446744073709551616=NO_MEMORY",
        13,
        "too large",
    );
    refused("ucp_mem_map@1@2=NO_MEMORY", 14, "said before");
    refused(
        "ucp_mem_map@1 operation 8=NO_MEMORY",
        15,
        "only what the system is asked for is",
    );
    refused("put.complete@progress=3:+1", 14, "only ep.fail is");
    refused("ep.fail@progress=3:IO_ERROR", 9, "name it, as in `ep#1.`");
    refused("ep#1.fail@progress:IO_ERROR", 19, "expected `=`");
    refused("ep#1.fail@progress=7=IO_ERROR", 21, "expected `:`");
    refused("ep#1.fail@7:IO_ERROR", 12, "expected `=`");
    refused("ucp_mem_map%0=NO_MEMORY", 13, "from 0.1 to 100 per cent");
    refused(
        "ucp_mem_map%100.1=NO_MEMORY",
        13,
        "from 0.1 to 100 per cent",
    );
    refused(
        "ucp_mem_map%1.25=NO_MEMORY",
        13,
        "one digit behind the point",
    );
    refused("ucp_mem_map*0=NO_MEMORY", 13, "how often at most");
    refused("ucp_mem_map thread 65536=NO_MEMORY", 20, "too large");
    refused("ucp_mem_map", 12, "expected `=`");
    refused("ucp_mem_map=", 13, "`` is no outcome");
    refused("put.complete=+0", 15, "a number of progress calls");
    refused("put.complete=+4294967296", 15, "too large");
    refused("put.complete=+1 +2", 17, "expected `then`");
    refused("=NO_MEMORY", 1, "expected the name");
}

#[test]
fn faults_that_contradict_each_other_are_refused() {
    refused("put.complete=+1; put.complete@2=+5", 18, "never happens");
    refused(
        "ep.fail=IO_ERROR; ep#1.fail@2=IO_ERROR",
        19,
        "never happens",
    );
    refused("put.complete@2=+1 then +2", 24, "never comes");
    refused("put.complete*2=+1 then +2", 24, "leave `*N` out");
    reads_as(
        "put.complete@2=+5; put.complete=+1",
        "put.complete@2=+5; put.complete=+1",
    );
    // The second endpoint's second time may be the point's third.
    reads_as(
        "put.complete@2=+1; ep#2.put.complete@2=+5",
        "put.complete@2=+1; ep#2.put.complete@2=+5",
    );
}

#[test]
fn a_doubtful_outcome_needs_a_permission() {
    let text = "put.complete=+1; cancel.effect=canceled";
    assert!(FaultSpec::parse(text, true).is_ok());
    let error = FaultSpec::parse(text, false).unwrap_err();
    assert_eq!((error.line, error.column), (1, 32));
    assert!(error.message.contains("--paranoid"), "{error}");
    assert!(FaultSpec::parse("put.complete=+1", false).is_ok());
}

#[test]
fn a_place_on_another_line_is_told_with_its_number() {
    let error = wrong("# ucp_x\nucp_mem_map=NO_MEMORY # and ucp_x\n  ep#1.fail=NO_MEMORY\n");
    assert_eq!((error.line, error.column), (3, 13));
    assert!(error.to_string().contains("line 3, column 13"), "{error}");
}

#[test]
fn no_more_faults_are_taken_than_a_record_can_tell_apart() {
    let faults = |count: usize| {
        let each = (1..=count).map(|number| format!("ucp_mem_map@{number}=NO_MEMORY"));
        each.collect::<Vec<_>>().join("\n")
    };
    assert_eq!(
        faults(FAULTS_MAX)
            .parse::<FaultSpec>()
            .unwrap()
            .faults
            .len(),
        FAULTS_MAX
    );
    assert_eq!(wrong(&faults(FAULTS_MAX + 1)).line, FAULTS_MAX + 1);
    let outcomes = |count: usize| format!("put.complete={}", vec!["+1"; count].join(" then "));
    reads_as(&outcomes(CHOICES_MAX), &outcomes(CHOICES_MAX));
    assert!(
        wrong(&outcomes(CHOICES_MAX + 1))
            .message
            .contains("more than 16")
    );
}

#[test]
fn a_short_name_is_no_points_full_name() {
    for point in Point::all() {
        let Some(kind) = point.object() else { continue };
        let short = name_after(kind, point);
        assert!(
            short == point.name() || Point::from_name(short).is_none(),
            "{short}"
        );
    }
}

#[test]
fn a_file_is_read_like_a_text_and_named_when_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("faults");
    let source = format!("@{}", file.display());
    assert!(matches!(
        FaultSpec::from_source(&source, false),
        Err(SourceError::File { .. })
    ));
    std::fs::write(&file, "# two\nucp_mem_map@2=NO_MEMORY\nput.complete=+1\n").unwrap();
    let spec = FaultSpec::from_source(&source, false).unwrap();
    assert_eq!(spec.to_string(), "ucp_mem_map@2=NO_MEMORY; put.complete=+1");
    std::fs::write(&file, "\nput.complete=1\n").unwrap();
    let error = FaultSpec::from_source(&source, false)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("faults: fault specification, line 2, column 14"),
        "{error}"
    );
    std::fs::write(&file, "#".repeat(SOURCE_BYTES_MAX + 1)).unwrap();
    assert!(matches!(
        FaultSpec::from_source(&source, false),
        Err(SourceError::TooLong)
    ));
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert!(FaultSpec::from_source(&source, false).is_err());
}

#[test]
fn a_word_as_long_as_a_text_is_shown_only_as_far_as_one_reads() {
    let word = "x".repeat(SOURCE_BYTES_MAX / 2);
    let digits = "0".repeat(SOURCE_BYTES_MAX / 2) + "1";
    for text in [
        word.clone(),
        format!("ep#1.{word}"),
        format!("{word}#1.fail"),
        format!("ep#{word}.fail"),
        format!("put.complete={word}"),
        format!("put.complete@{word}"),
        format!("put.complete@1{digits}=+1"),
        format!("ucp_rkey_pack=+{digits}"),
    ] {
        let error = FaultSpec::from_text(&text, false).unwrap_err().to_string();
        assert!(error.contains("…") && error.len() < 1000, "{error}");
    }
    assert!(FaultSpec::from_text(&format!("put.complete@{digits}=+1"), false).is_ok());
}

#[test]
fn a_text_alone_is_bounded_like_a_file_and_names_none() {
    let fault = "ucp_mem_map@2=NO_MEMORY #";
    let of = |bytes: usize| {
        let rest = "x".repeat(bytes - fault.len());
        FaultSpec::from_text(&format!("{fault}{rest}"), false)
    };
    assert_eq!(
        of(SOURCE_BYTES_MAX).unwrap().to_string(),
        "ucp_mem_map@2=NO_MEMORY"
    );
    assert!(matches!(
        of(SOURCE_BYTES_MAX + 1),
        Err(SourceError::TooLong)
    ));
    assert!(matches!(
        FaultSpec::from_text("@/etc/hostname", false),
        Err(SourceError::Wrong { .. })
    ));
}

fn occurrences() -> impl Strategy<Value = Occurrences> {
    prop_oneof![
        Just(Occurrences::ALL),
        (1..=u64::MAX).prop_map(Occurrences::one),
        (1..=u64::MAX).prop_map(|first| Occurrences { first, last: None }),
        (1..=u64::MAX, 1..=u64::MAX).prop_map(|(a, b)| Occurrences {
            first: a.min(b),
            last: Some(a.max(b)),
        }),
    ]
}

fn choices(point: Point) -> impl Strategy<Value = Vec<Choice>> {
    let mut permitted: Vec<Choice> = point.outcomes().iter().map(|info| info.choice).collect();
    permitted.push(Choice::Benign);
    let any_delay = (select(permitted), 1..=u32::MAX).prop_map(|(choice, calls)| match choice {
        Choice::After(_) => Choice::After(calls),
        choice => choice,
    });
    prop::collection::vec(any_delay, 1..=CHOICES_MAX)
}

fn object(point: Point) -> impl Strategy<Value = Option<ObjectName>> {
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| point.is_asked_of(*kind))
        .collect();
    let kinds = if kinds.is_empty() {
        Just(None).boxed()
    } else {
        select(kinds).prop_map(Some).boxed()
    };
    (kinds, any::<bool>(), 1..=u32::MAX).prop_map(|(kind, named, ordinal)| {
        let kind = kind.filter(|_| named)?;
        Some(ObjectName { kind, ordinal })
    })
}

/// Any fault that means something.
fn fault() -> impl Strategy<Value = Fault> {
    select(Point::all().collect::<Vec<_>>()).prop_flat_map(|point| {
        let limits = (
            prop::option::of(1..=u16::MAX),
            prop::option::of(1..=1000_u16),
            prop::option::of(1..=u32::MAX),
            prop::option::of(1..=u32::MAX),
        );
        (object(point), occurrences(), limits, choices(point)).prop_map(
            move |(object, occurrences, (thread, per_mille, limit, operation), mut choices)| {
                let times = occurrences.last.map(|last| last - occurrences.first);
                choices.truncate(times.map_or(CHOICES_MAX, |more| more.min(15) as usize + 1));
                Fault {
                    point,
                    object,
                    operation: operation.filter(|_| point.is_environment()),
                    thread,
                    occurrences,
                    per_mille,
                    limit: limit.filter(|_| choices.len() == 1),
                    choices,
                }
            },
        )
    })
}

fn specification() -> impl Strategy<Value = FaultSpec> {
    prop::collection::vec(fault(), 0..6).prop_map(|faults| {
        let mut spec = FaultSpec::default();
        for fault in faults {
            if !spec.faults.iter().any(|earlier| earlier.covers(&fault)) {
                spec.faults.push(fault);
            }
        }
        spec
    })
}

/// Texts of the words that specifications consist of, in any order: they get further than any text does.
fn almost() -> impl Strategy<Value = String> {
    let words = [
        "ep#1",
        "worker#2",
        "memh#",
        ".",
        "fail",
        "ep.fail",
        "put.complete",
        "ucp_mem_map",
        "@",
        "progress=",
        "7",
        "-",
        "+",
        "%",
        "*",
        " thread ",
        " operation ",
        "=",
        ":",
        "NO_MEMORY",
        "CONNECTION_RESET",
        "withheld",
        "benign",
        " then ",
        ";",
        "\n",
        "# ",
        "ü",
        "99999999999999999999",
        "0",
        " ",
        "cancel.effect",
        "canceled",
    ];
    prop::collection::vec(select(words.to_vec()), 0..14).prop_map(|words| words.concat())
}

/// It is read and prints to itself, or refused at a place that it has.
fn answered(text: &str) -> Result<(), TestCaseError> {
    match text.parse::<FaultSpec>() {
        Ok(spec) => prop_assert_eq!(spec.to_string().parse(), Ok(spec)),
        Err(error) => {
            let line = text.split('\n').nth(error.line.wrapping_sub(1));
            let characters = line.map(|line| line.chars().count());
            prop_assert!(
                characters.is_some_and(|count| (1..=count + 1).contains(&error.column)),
                "{:?}: {}",
                text,
                error
            );
            prop_assert!(!error.message.is_empty());
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_specification_prints_to_a_text_that_reads_back_to_it(spec in specification()) {
        let text = spec.to_string();
        prop_assert_eq!(text.parse::<FaultSpec>(), Ok(spec), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_that_it_has(text in "(?s:.{0,60})") {
        answered(&text)?;
    }

    #[test]
    fn any_row_of_right_words_is_read_or_refused_at_a_place_that_it_has(text in almost()) {
        answered(&text)?;
    }
}

#[test]
fn the_move_asked_in_each_progress_call_is_the_only_one() {
    let by_progress: Vec<Point> = Point::all()
        .filter(|point| point.is_asked_by_progress())
        .collect();
    assert_eq!(by_progress, [Point::Move(Move::EndpointFail)]);
}
