//! What the mirror's objects do when nothing else happens at the same time.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::sync::model::take_report;
use graceref::{CasCount, FileRefCount};
use lifetimes::counts::file_ref::{Draft, FileRef, Zeroing};
use lifetimes::counts::rcuref::{Fix as RcurefFix, Rcuref};
use lifetimes::counts::{AtomicLong, FCount, in_spec_scale};
use lifetimes::dmabuf::{DmaBuf, Driver};
use lifetimes::ep_list::{Fix as ListFix, PathCheck};
use lifetimes::ep_nested::{Check, Epolls};
use lifetimes::ep_remove::{Call, Guard, Variant, Watch};
use lifetimes::ep_wait::{Fix as WaitFix, Wait};
use lifetimes::ep_walk::{Fix as WalkFix, Nested};
use lifetimes::epoll::{Eventpoll, Fix};
use lifetimes::file::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the mirror reports goes to one place for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    take_report();
    guard
}

fn closed<C: FCount>(file: &File<C>, ep: &Eventpoll, dmabuf: &DmaBuf) -> bool {
    let last = file.fput();
    if last {
        file.__fput(ep, dmabuf);
    }
    last
}

fn objects<C: FCount>(fences: usize) -> (File<C>, Eventpoll, DmaBuf) {
    (File::watched(), Eventpoll::new(), DmaBuf::new(Driver::DmaBuf, fences))
}

#[test]
fn closing_the_only_descriptor_releases_and_frees_once() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(1);
    assert!(closed(&file, &ep, &dmabuf));
    assert_eq!(file.ghosts(), (true, 1, true, false));
    assert!(!file.raw_f_ep());
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_poll_keeps_the_file_until_its_fence_signals() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(1);
    assert!(!ep.wait(&file, &dmabuf, Fix::EpiFget));
    assert!(dmabuf.raw_active());
    assert_eq!(file.raw_f_count(), 2);
    assert!(!closed(&file, &ep, &dmabuf));
    assert!(dmabuf.signal(0, &file), "the callback's put is the last");
    file.__fput(&ep, &dmabuf);
    assert_eq!(file.ghosts(), (true, 1, true, false));
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_poll_on_signalled_fences_keeps_nothing() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(2);
    assert!(!dmabuf.signal(0, &file));
    assert!(!dmabuf.signal(1, &file));
    assert!(!ep.wait(&file, &dmabuf, Fix::EpiFget));
    assert_eq!((file.raw_f_count(), dmabuf.raw_active()), (1, false));
}

#[test]
fn the_callback_waits_on_the_first_fence_that_has_not_signalled() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(2);
    assert!(!dmabuf.signal(0, &file));
    assert!(!ep.wait(&file, &dmabuf, Fix::EpiFget));
    assert!(!ep.wait(&file, &dmabuf, Fix::EpiFget), "a second poll starts no second callback");
    assert_eq!(file.raw_f_count(), 2);
    assert_eq!(dmabuf.raw_fences(), [(false, true, false), (false, false, true)]);
}

#[test]
fn an_epoll_that_has_lost_its_item_polls_nothing() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<AtomicLong>(1);
    assert!(closed(&file, &ep, &dmabuf));
    assert!(!ep.wait(&file, &dmabuf, Fix::Unpinned));
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_dead_file_is_refused_by_the_pin_and_revived_without_it() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(1);
    assert!(file.fput(), "the count is gone, __fput has not begun");
    assert!(!ep.wait(&file, &dmabuf, Fix::EpiFget));
    assert!(take_report().violations.is_empty());

    let (file, ep, dmabuf) = objects::<AtomicLong>(1);
    assert!(file.fput());
    assert!(!ep.wait(&file, &dmabuf, Fix::Unpinned));
    assert_eq!(file.raw_f_count(), 1);
    assert!(take_report().violations.contains_key("NoResurrect"));
}

#[test]
fn every_file_ref_counts_down_to_one_release_and_is_dead_after_it() {
    fn check<R: FileRef>() {
        let word = R::new();
        assert!(word.get_active());
        assert!(!word.put());
        assert!(word.put());
        assert_eq!(word.raw(), -8);
        assert!(!word.get_active());
        word.init();
        assert_eq!(word.raw(), 0);
    }
    check::<FileRefCount>();
    check::<Draft>();
    check::<Zeroing>();
}

#[test]
fn only_the_zeroing_allocator_makes_a_dead_word_live() {
    let (merged, zeroing) = (FileRefCount::new(), <Zeroing as FileRef>::new());
    assert!(FileRef::put(&merged) && zeroing.put());
    merged.allocated();
    zeroing.allocated();
    assert_eq!((FileRef::raw(&merged), zeroing.raw()), (-8, 0));
}

#[test]
fn both_rcurefs_are_right_when_nobody_interferes() {
    let _alone = alone();
    for fix in [RcurefFix::Reread, RcurefFix::Returned] {
        let count = Rcuref::new(fix);
        assert!(count.get());
        assert!(!count.put());
        assert!(count.put());
        assert!(!count.get());
        assert!(!count.warned());
        assert!(!count.put(), "one put too many");
        assert!(count.warned());
    }
    take_report();
}

#[test]
fn the_specs_scale_keeps_what_is_near_dead_near_minus_eight() {
    let dead = 0xE000_0000_0000_0000;
    let shown: Vec<i64> =
        [0, 1, u64::MAX, dead - 1, dead, dead + 1].into_iter().map(in_spec_scale).collect();
    assert_eq!(shown, [0, 1, -1, -9, -8, -7]);
}

const MERGED: Variant =
    Variant { guard: Guard::Pin, put_inside: false, rcu_free: true, inline: false };

#[test]
fn an_item_goes_with_whichever_of_its_files_is_closed_first() {
    let _alone = alone();
    for calls in [[Call::File, Call::Epfd], [Call::Epfd, Call::File]] {
        for guard in [Guard::None, Guard::Dying, Guard::Pin] {
            let watch = Watch::new(Variant { guard, ..MERGED }, &calls);
            for call in calls {
                watch.call(call, 1);
            }
            watch.nothing_left();
            assert_eq!(watch.raw().removed, 1);
        }
    }
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_call_on_an_item_leaves_the_closes_nothing_to_remove() {
    let _alone = alone();
    for call in [Call::Del, Call::Fail] {
        let calls = [call, Call::File, Call::Epfd];
        let watch = Watch::new(MERGED, &calls);
        watch.call(call, 1);
        let raw = watch.raw();
        assert_eq!((raw.removed, raw.f_ep, raw.refs, raw.f_count), (1, false, 1, 1));
        watch.call(Call::File, 1);
        watch.call(Call::Epfd, 1);
        watch.nothing_left();
    }
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_file_that_is_polled_first_is_released_by_its_close() {
    let _alone = alone();
    let watch = Watch::new(MERGED, &[Call::Wait, Call::File, Call::Epfd]);
    watch.call(Call::Wait, 2);
    assert_eq!(watch.raw().f_count, 1);
    watch.call(Call::File, 1);
    watch.call(Call::Epfd, 1);
    watch.nothing_left();
    assert!(take_report().violations.is_empty());
}

#[test]
fn one_after_the_other_a_circle_or_a_long_chain_is_refused() {
    let _alone = alone();
    let epolls = Epolls::new(Check::Both, true, &[]);
    assert!(epolls.add(1, 2) && !epolls.add(2, 1));
    assert!(epolls.add(2, 3) && !epolls.add(3, 4) && !epolls.add(3, 1));
    assert!(take_report().violations.is_empty());
    assert!(Epolls::new(Check::Down, true, &[(1, 2), (2, 3)]).add(3, 4));
    assert!(take_report().violations.contains_key("BoundedDepth"));
}

#[test]
fn a_listed_head_is_freed_by_the_one_who_is_last() {
    let _alone = alone();
    for list in [ListFix::Unpinned, ListFix::Pinned] {
        let listed = PathCheck::new(list, false);
        listed.add();
        listed.close();
        assert_eq!(listed.raw_numbers().map(|(_, number)| number), [0, 2, 1, 1]);
    }
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_queue_that_was_freed_first_has_told_the_item() {
    let _alone = alone();
    let wait = Wait::new(WaitFix::Last);
    wait.free_queue();
    wait.unregister();
    let report = take_report();
    assert!(report.violations.is_empty() && report.witnesses.contains_key("Null"));
}

#[test]
fn a_walk_after_the_close_finds_nothing() {
    let _alone = alone();
    let nested = Nested::new(WalkFix::Kfree);
    nested.close();
    nested.walk();
    assert!(take_report().violations.is_empty());
}
