//! What the mirror's objects do when nothing else happens at the same time.
#![cfg(not(any(graceref_loom, graceref_shuttle)))]

use graceref::CasCount;
use graceref::sync::model::take_report;
use lifetimes::FileGhosts;
use lifetimes::counts::file_ref::{Draft, FileRef, Merged, Zeroing};
use lifetimes::counts::rcuref::{Fix as RcurefFix, Rcuref};
use lifetimes::counts::{AtomicLong, FCount, in_spec_scale};
use lifetimes::dmabuf::{self, DmaBuf};
use lifetimes::ep_list::{Fix as ListFix, PathCheck};
use lifetimes::ep_nested::{Check, Epolls};
use lifetimes::ep_remove::{Call, Count, Guard, Variant, Watch};
use lifetimes::ep_wait::{Fix as WaitFix, Wait};
use lifetimes::ep_walk::{Fix as WalkFix, Nested};
use lifetimes::epoll::{Eventpoll, Fix};
use lifetimes::file::{File, FileOps, Poll};
use lifetimes::mount::Mount;
use lifetimes::plain::Plain;
use lifetimes::wrapper::{self, Object};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the mirror reports goes to one place for the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    let guard = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    take_report();
    guard
}

fn closed<C: FCount>(file: &File<C>, ops: &impl FileOps<C>) -> bool {
    let last = file.fput();
    if last {
        file.__fput(ops);
    }
    last
}

/// A watched file, its epoll and its buffer.
fn objects<C: FCount>(fix: Fix, fences: usize) -> (File<C>, Arc<Eventpoll>, DmaBuf) {
    let ep = Arc::new(Eventpoll::new(fix));
    (File::new(None).watched_by(&ep), ep, DmaBuf::new(dmabuf::Fix::GetFile, 1, fences))
}

/// What is left of a file that was opened, closed, released and freed once.
fn closed_once(ghosts: FileGhosts) -> bool {
    ghosts
        == FileGhosts { died: true, released: 1, gone: true, freed: true, uaf: false, dead: false }
}

#[test]
fn closing_the_only_descriptor_releases_and_frees_once() {
    let _alone = alone();
    let (file, _, dmabuf) = objects::<CasCount>(Fix::EpiFget, 1);
    assert!(closed(&file, &dmabuf));
    assert!(closed_once(file.ghosts()));
    assert!(!file.raw_f_ep());
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_poll_keeps_the_file_until_its_fence_signals() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(Fix::EpiFget, 1);
    assert!(!ep.wait(&file, &dmabuf));
    assert_eq!(dmabuf.raw_active(), [true]);
    assert_eq!(file.raw_f_count(), 2);
    assert!(!closed(&file, &dmabuf));
    assert!(dmabuf.signal(0, &file), "the callback's put is the last");
    file.__fput(&dmabuf);
    assert!(closed_once(file.ghosts()));
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_poll_on_signalled_fences_keeps_nothing() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(Fix::EpiFget, 2);
    assert!(!dmabuf.signal(0, &file));
    assert!(!dmabuf.signal(1, &file));
    assert!(!ep.wait(&file, &dmabuf));
    assert_eq!((file.raw_f_count(), dmabuf.raw_active()), (1, vec![false]));
}

#[test]
fn the_callback_waits_on_the_first_fence_that_has_not_signalled() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(Fix::EpiFget, 2);
    assert!(!dmabuf.signal(0, &file));
    assert!(!ep.wait(&file, &dmabuf));
    assert!(!ep.wait(&file, &dmabuf), "a second poll starts no second callback");
    assert_eq!(file.raw_f_count(), 2);
    let queued: Vec<_> = dmabuf.raw_fences().iter().map(|fence| fence.queued[0]).collect();
    assert_eq!(queued, [false, true]);
}

#[test]
fn each_direction_has_its_own_callback_and_reference() {
    let _alone = alone();
    let file = File::<CasCount>::new(None);
    let dmabuf = DmaBuf::new(dmabuf::Fix::GetFile, 2, 1);
    assert!(!dmabuf.poll(&file));
    assert_eq!((file.raw_f_count(), dmabuf.raw_active()), (3, vec![true, true]));
    assert!(!closed(&file, &dmabuf));
    assert!(dmabuf.signal(0, &file), "the second callback's put is the last");
    assert_eq!(file.raw_f_count(), 0);
}

#[test]
fn a_release_that_cancels_leaves_nothing_to_run() {
    let _alone = alone();
    let file = File::<CasCount>::new(None);
    let dmabuf = DmaBuf::new(dmabuf::Fix::Cancel, 2, 2);
    assert!(!dmabuf.poll(&file));
    assert_eq!(file.raw_f_count(), 1, "no reference for the callbacks");
    assert!(closed(&file, &dmabuf));
    assert_eq!(dmabuf.raw_active(), [false, false]);
    assert!(!dmabuf.signal(0, &file));
    assert!(closed_once(file.ghosts()));
    let report = take_report();
    assert!(report.violations.is_empty() && report.witnesses.contains_key("Cancelled"));
}

#[test]
fn a_release_that_neither_holds_nor_cancels_is_the_bug_of_2020() {
    let _alone = alone();
    let file = File::<AtomicLong>::new(None);
    let dmabuf = DmaBuf::new(dmabuf::Fix::NoReference, 1, 1);
    assert!(!dmabuf.poll(&file));
    assert!(closed(&file, &dmabuf));
    assert!(!dmabuf.signal(0, &file));
    let violations = take_report().violations;
    assert!(violations.contains_key("ReleaseImpliesNoCallback"), "{violations:?}");
    assert!(violations.contains_key("NoUseAfterFree"), "{violations:?}");
}

#[test]
fn an_epoll_that_has_lost_its_item_polls_nothing() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<AtomicLong>(Fix::Unpinned, 1);
    assert!(closed(&file, &dmabuf));
    assert!(!ep.wait(&file, &dmabuf));
    assert!(take_report().violations.is_empty());
}

#[test]
fn a_dead_file_is_refused_by_the_pin_and_revived_without_it() {
    let _alone = alone();
    let (file, ep, dmabuf) = objects::<CasCount>(Fix::EpiFget, 1);
    assert!(file.fput(), "the count is gone, __fput has not begun");
    assert!(!ep.wait(&file, &dmabuf));
    assert!(take_report().violations.is_empty());

    let (file, ep, dmabuf) = objects::<AtomicLong>(Fix::Unpinned, 1);
    assert!(file.fput());
    assert!(!ep.wait(&file, &dmabuf));
    assert_eq!(file.raw_f_count(), 1);
    assert!(take_report().violations.contains_key("NoResurrect"));
}

#[test]
fn the_hybrid_pins_what_cannot_be_unmounted_and_looks_at_the_rest() {
    let _alone = alone();
    let mnt = Arc::new(Mount::with_one_file());
    for (mnt, pinned) in [(None, true), (Some(&mnt), false)] {
        let ep = Arc::new(Eventpoll::new(Fix::NoUser));
        let file = File::<AtomicLong>::new(mnt).watched_by(&ep);
        assert_eq!(ep.pins(&file), pinned);
        assert!(file.fput());
        assert!(!ep.wait(&file, &Plain::default()));
        assert!(!take_report().witnesses.contains_key("PollDead"), "a dead file is not polled");
    }
}

#[test]
fn a_mount_is_busy_until_its_file_is_gone() {
    let _alone = alone();
    let mnt = Arc::new(Mount::with_one_file());
    let file = File::<CasCount>::new(Some(&mnt));
    assert!(file.get_active(), "a pin");
    assert!(!closed(&file, &Plain::default()));
    assert!(mnt.umount());
    assert!(closed(&file, &Plain::default()), "the pin goes");
    assert!(!mnt.umount());
    assert!(closed_once(file.ghosts()));
}

#[test]
fn an_object_outlives_its_wrapper_and_gets_another() {
    let _alone = alone();
    let object = Object::<CasCount>::new(wrapper::Fix::Mutex, 2);
    object.export_use_close();
    object.export_use_close();
    assert_eq!(object.raw(), (false, 0, 0, 2, 1));
    let report = take_report();
    assert!(report.violations.is_empty() && report.witnesses.contains_key("Another"));
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
    check::<Merged>();
    check::<Draft>();
    check::<Zeroing>();
}

#[test]
fn only_the_zeroing_allocator_makes_a_dead_word_live() {
    let (merged, zeroing) = (<Merged as FileRef>::new(), <Zeroing as FileRef>::new());
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

const MERGED: Variant = Variant {
    count: Count::AtomicLong,
    guard: Guard::Pin,
    pin_poll: true,
    put_inside: false,
    rcu_free: true,
    inline: false,
    lifo: true,
};

#[test]
fn an_item_goes_with_whichever_of_its_files_is_closed_first() {
    let _alone = alone();
    for calls in [[Call::File, Call::Epfd], [Call::Epfd, Call::File]] {
        let guards =
            [Guard::None, Guard::Dying, Guard::Pin].map(|guard| Variant { guard, ..MERGED });
        for variant in guards.into_iter().chain([Variant { count: Count::FileRef, ..MERGED }]) {
            let watch = Watch::new(variant, &calls);
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
fn an_epoll_that_is_closed_is_watched_no_more() {
    let _alone = alone();
    let epolls = Epolls::new(Check::Both, true, &[(2, 3)]);
    epolls.close(3);
    assert!(epolls.add(1, 2));
    assert_eq!(
        epolls.raw().map(|(_, watches, refs)| (watches, refs)),
        [(2, 0), (0, 1), (0, 0), (0, 0)]
    );
    assert_eq!(epolls.raw_gone(), [vec![3], vec![]]);
    assert!(take_report().violations.is_empty());
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
    wait.remove();
    let report = take_report();
    assert!(report.violations.is_empty() && report.witnesses.contains_key("Null"));
    assert!(wait.raw().iter().all(|(_, is)| !is), "on no list, and no lock is held");
}

#[test]
fn a_walk_after_the_close_finds_nothing() {
    let _alone = alone();
    let nested = Nested::new(WalkFix::Kfree);
    nested.close();
    nested.walk();
    assert!(take_report().violations.is_empty());
}
