//! The sequencer, one case a test. The simulation tests many nodes together.

use bytes::Bytes;

use super::*;

struct Bench {
    sequencer: OffsetSequencer,
    now: Instant,
}

impl Bench {
    /// A sequencer that has delivered the offsets up to 10 and has caught up with the log, with a working bus.
    fn caught_up() -> Self {
        Self::with(SequencerConfig::default())
    }

    fn with(config: SequencerConfig) -> Self {
        let now = Instant::now();
        let mut bench = Self { sequencer: OffsetSequencer::new(config, 11, now), now };
        bench.sequencer.bus_connected();
        assert_eq!(bench.poll(), Some(LogRequest::Page { from: 11, limit: config.page_limit }), "a start reads the log");
        bench.read(&[], 10);
        bench
    }

    fn offer(&mut self, offsets: &[u64]) -> Vec<u64> {
        offsets.iter().for_each(|offset| self.sequencer.offer(event(*offset, 1), self.now));
        self.ready()
    }

    fn ready(&mut self) -> Vec<u64> {
        self.sequencer.take_ready().map(|event| event.first()).collect()
    }

    fn poll(&mut self) -> Option<LogRequest> {
        self.sequencer.poll(self.now)
    }

    fn read(&mut self, offsets: &[u64], complete_through: u64) -> Vec<u64> {
        let events = offsets.iter().map(|offset| event(*offset, 1)).collect();
        self.sequencer.page_read(LogPage { events, complete_through, is_full: false }, self.now);
        self.ready()
    }

    fn wait(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
    }
}

/// No offset is ready.
const NONE: [u64; 0] = [];

fn event(first: u64, count: u32) -> EventFrame {
    EventFrame::new(first, count, ["room"], Bytes::from_static(b"body"))
}

fn page(from: u64) -> Option<LogRequest> {
    Some(LogRequest::Page { from, limit: SequencerConfig::default().page_limit })
}

#[test]
fn events_are_delivered_by_offset_and_once() {
    let mut bench = Bench::caught_up();
    assert_eq!(bench.offer(&[13, 12]), NONE);
    assert_eq!(bench.offer(&[11]), [11, 12, 13]);
    assert_eq!(bench.offer(&[11, 12, 13, 5]), NONE);
    assert_eq!(bench.sequencer.stats(), SequencerStats { delivered: 3, duplicates: 4, ..SequencerStats::default() });
}

#[test]
fn an_event_with_several_offsets_is_delivered_once() {
    let mut bench = Bench::caught_up();
    bench.sequencer.offer(event(11, 3), bench.now);
    assert_eq!((bench.ready(), bench.sequencer.next()), (vec![11], 14));
    assert_eq!(bench.offer(&[13]), NONE, "an offset inside of it is a duplicate");
    assert_eq!(bench.offer(&[14]), [14]);
}

#[test]
fn a_gap_is_read_from_the_log_after_twenty_milliseconds() {
    let mut bench = Bench::caught_up();
    bench.offer(&[12]);
    bench.wait(19);
    assert_eq!(bench.poll(), None);
    bench.wait(1);
    assert_eq!(bench.poll(), page(11));
    assert_eq!(bench.poll(), None, "one request at a time");
    assert_eq!(bench.read(&[11, 12], 12), [11, 12]);
    let stats = bench.sequencer.stats();
    assert_eq!((stats.gaps, stats.read_from_log, stats.rejected), (1, 2, 0));
    assert_eq!(bench.poll(), None);
}

#[test]
fn events_that_arrive_during_a_read_are_delivered_once() {
    let mut bench = Bench::caught_up();
    bench.offer(&[13]);
    bench.wait(20);
    assert_eq!(bench.poll(), page(11));
    assert_eq!(bench.offer(&[11, 14]), [11]);
    assert_eq!(bench.read(&[11, 12, 13], 13), [12, 13, 14]);
}

#[test]
fn a_reconnect_reads_the_log_at_once() {
    let mut bench = Bench::caught_up();
    bench.sequencer.bus_lost();
    assert_eq!(bench.poll(), None);
    bench.wait(50);
    assert_eq!(bench.poll(), page(11), "without the bus the log is read every 50 ms");
    assert_eq!(bench.read(&[11], 11), [11]);
    bench.sequencer.bus_connected();
    assert_eq!(bench.poll(), page(12));
}

#[test]
fn a_head_that_is_ahead_is_read_from_the_log() {
    let mut bench = Bench::caught_up();
    bench.wait(249);
    assert_eq!(bench.poll(), None);
    bench.wait(1);
    assert_eq!(bench.poll(), Some(LogRequest::Head));
    bench.sequencer.head_read(12, bench.now);
    assert_eq!(bench.poll(), None);
    bench.wait(20);
    assert_eq!(bench.poll(), page(11));
    assert_eq!(bench.read(&[11, 12], 12), [11, 12]);
}

#[test]
fn deleted_rows_are_no_gap() {
    let mut bench = Bench::caught_up();
    bench.offer(&[15]);
    bench.wait(20);
    bench.poll();
    assert_eq!(bench.read(&[13], 14), [13, 15]);
    assert_eq!(bench.sequencer.next(), 16);
}

#[test]
fn a_full_page_is_followed_by_the_next_at_once() {
    let mut bench = Bench::caught_up();
    bench.sequencer.bus_connected();
    assert_eq!(bench.poll(), page(11));
    let full = LogPage { events: vec![event(11, 1), event(13, 1)], complete_through: 13, is_full: true };
    bench.sequencer.page_read(full, bench.now);
    assert_eq!((bench.ready(), bench.poll()), (vec![11, 13], page(14)));
}

#[test]
fn offsets_that_the_log_does_not_contain_are_rejected() {
    let mut bench = Bench::caught_up();
    bench.offer(&[u64::MAX - 1, 1 << 60]);
    bench.wait(20);
    assert_eq!(bench.poll(), page(11));
    bench.offer(&[12]);
    assert_eq!(bench.read(&[], 10), NONE);
    assert_eq!(bench.sequencer.stats().rejected, 2, "12 arrived after the read began, so it may exist");
    bench.wait(20);
    assert_eq!(bench.poll(), page(11));
    assert_eq!(bench.read(&[11], 12), [11]);
    bench.wait(20);
    assert_eq!(bench.poll(), None, "the false offsets cause no further reads");
}

#[test]
fn events_that_overlap_others_are_rejected() {
    let mut bench = Bench::caught_up();
    bench.sequencer.offer(event(12, 4), bench.now);
    bench.sequencer.offer(event(13, 9), bench.now);
    assert_eq!(bench.offer(&[11]), [11, 12]);
    assert_eq!((bench.sequencer.stats().rejected, bench.sequencer.pending()), (1, (0, 0)));
}

#[test]
fn waiting_events_are_bounded_and_the_log_has_the_rest() {
    let one = event(1, 1).size();
    for config in [
        SequencerConfig { max_pending: 3, ..SequencerConfig::default() },
        SequencerConfig { max_pending_bytes: 3 * one, ..SequencerConfig::default() },
    ] {
        let mut bench = Bench::with(config);
        bench.offer(&[17, 16, 15, 14, 13, 12, 18]);
        assert_eq!(bench.sequencer.pending(), (3, 3 * one));
        assert_eq!(bench.sequencer.stats().dropped, 4);
        assert_eq!(bench.offer(&[11]), [11, 12, 13, 14]);
        bench.wait(20);
        assert_eq!(bench.poll(), page(15));
        assert_eq!(bench.read(&[15, 16, 17, 18], 18), [15, 16, 17, 18]);
    }
}

#[test]
fn failed_reads_are_repeated_with_growing_pauses() {
    let mut bench = Bench::caught_up();
    bench.sequencer.bus_connected();
    for pause in [50, 100, 200, 400, 800, 1000, 1000] {
        assert_eq!(bench.poll(), page(11));
        bench.sequencer.read_failed(bench.now);
        bench.wait(pause - 1);
        assert_eq!(bench.poll(), None, "{pause} ms");
        bench.wait(1);
    }
    assert_eq!(bench.poll(), page(11));
    assert_eq!(bench.read(&[11], 11), [11]);
    assert_eq!(bench.sequencer.due(), Some(bench.now + Duration::from_millis(250)));
}

#[test]
fn a_log_that_lost_commits_is_reported() {
    let mut bench = Bench::caught_up();
    bench.offer(&[11, 12]);
    bench.wait(250);
    assert_eq!(bench.poll(), Some(LogRequest::Head));
    bench.offer(&[13]);
    bench.sequencer.head_read(12, bench.now);
    assert_eq!(bench.sequencer.take_went_back(), None, "13 was committed after the head was asked");
    bench.wait(250);
    bench.poll();
    bench.sequencer.head_read(12, bench.now);
    assert_eq!(bench.sequencer.take_went_back(), Some(LogWentBack { head: 12, delivered: 13 }));
}

#[test]
fn skipped_events_are_read_from_the_log() {
    let mut bench = Bench::caught_up();
    bench.sequencer.learn(13, bench.now);
    bench.wait(20);
    assert_eq!(bench.poll(), page(11));
    assert_eq!(bench.read(&[11, 12, 13], 13), [11, 12, 13]);
}
