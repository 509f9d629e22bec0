---------------------------- MODULE Epoll ----------------------------
(* A file watched by an epoll, closed while epoll_wait polls it, and its
   filesystem unmounted after close(2).

   The bug: epoll holds no reference to the files it watches. Between the
   last put and eventpoll_release_file, ep_item_poll calls ->poll on a file
   whose count is zero; dma_buf_poll takes a reference for its callback (0 to
   1); the callback's fput releases the file a second time.

     1  close: fput, f_count 1 -> 0, on its way to __fput
     2  epoll_wait, under ep->mtx: ->poll
     3  dma_buf_poll: dcb.active, get_file, f_count 0 -> 1
     4  close: eventpoll_release_file, ->release with a callback pending
     5  the fence signals: dma_buf_poll_cb, fput, f_count 1 -> 0 again

   Fix: "2023"         nothing pins the file around ->poll
        "2024"         epi_fget: inc-not-zero before ->poll, fput after it
        "in_driver"    get_file_active in dma_buf_poll, and in no other driver
        "nouser"       epi_fget where nothing can be unmounted (SB_NOUSER);
                       elsewhere a look at the count, and no pin
        "at_close"     no pin; close(2) removes the item before its fput, and
                       __fput does not
        "at_both"      the same, and __fput removes what is there as well
        "2023_no_mtx", "2024_no_mtx"   as these, but eventpoll_release_file
                       does not take ep->mtx

   Driver, by what ->poll does and what the file sits on:
                          internal     can be unmounted
     takes a reference    "dma_buf"    "other": nobody has mended it
     reads private_data   "socket"     "fifo"
   and "cancel": a dma-buf that takes none, and ->release cancels its callback

   Adders: an EPOLL_CTL_ADD that has its fdget when close(2) begins, or none.
   (ep_insert's own ->poll is left out: its file is held.)

     1  close: eventpoll_release: nothing there; fput, f_count 2 -> 1
     2  EPOLL_CTL_ADD: the item; fdput, f_count 1 -> 0
     3  __fput leaves the item alone ("at_close"): the file is freed
     4  epoll_wait: ->poll

   A put that was the last does not release at once: fput queues __fput, on
   the putting task's way back to user mode (tw_, fdput_), or on a worker when
   the put was an interrupt's (irq_). close(2) runs it inline (close_, late_).

   Code: impl/lifetimes/src/file.rs, epoll.rs, dmabuf.rs, plain.rs, mount.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Driver, Adders

ASSUME Fix \in {"2023", "2024", "in_driver", "nouser", "at_close", "at_both", "2023_no_mtx", "2024_no_mtx"}
ASSUME Driver \in {"dma_buf", "other", "socket", "fifo", "cancel"} /\ (Driver = "cancel" => Fix = "2023")
ASSUME Adders \subseteq {"adder"} /\ (Adders # {} => Fix \in {"at_close", "at_both"})

TakesRef   == Driver \in {"dma_buf", "other"}
Cancels    == Driver = "cancel"
HasFence   == TakesRef \/ Cancels
Mountable  == Driver \in {"other", "fifo"}

PinInEpoll  == Fix \in {"2024", "2024_no_mtx"} \/ (Fix = "nouser" /\ ~Mountable)
PinInDriver == Fix = "in_driver" /\ Driver = "dma_buf"
TakesMtx    == Fix \notin {"2023_no_mtx", "2024_no_mtx"}
AtClose     == Fix \in {"at_close", "at_both"}
InFput      == Fix # "at_close"

Removers   == IF AtClose THEN {"closer"} ELSE {}
Signallers == IF HasFence THEN {"signaller"} ELSE {}

(*
--algorithm Epoll {
variables
  f_count   = 1 + Cardinality(Adders);          \* the descriptor's reference, and the fdget's
  f_ep      = Adders = {};                      \* the item is on the file's list
  mtx       = FALSE;                            \* ep->mtx
  mnt       = IF Mountable THEN 2 ELSE 1;       \* mnt_count: the tree's reference, and the file's
  poll_lock = FALSE;                            \* dmabuf->poll.lock
  active    = FALSE;                            \* dcb.active
  on        = FALSE;                            \* "cancel": a fence took the callback
  fence     = FALSE;                            \* fence->lock
  signalled = FALSE;
  queued    = FALSE;                            \* the callback is on the fence's list
  \* ghosts
  died      = FALSE;                            \* the count has been gone
  released  = 0;                                \* how often ->release ran
  gone      = FALSE;                            \* what private_data points to is free memory
  freed     = FALSE;                            \* the struct file is
  uaf       = FALSE;                            \* free memory was touched
  dead      = FALSE;                            \* an event came from a file whose count was zero

macro put() {
  died    := died \/ f_count = 1;
  uaf     := uaf \/ freed;
  f_count := f_count - 1;
}

macro remove_item() {
  uaf  := uaf \/ freed \/ ~f_ep;
  f_ep := FALSE;
}

macro lock_dmabuf() {
  await ~poll_lock;
  poll_lock := TRUE;
  uaf       := uaf \/ gone;
}

macro unlock_dmabuf() {
  poll_lock := FALSE;
  uaf       := uaf \/ gone;
}

macro dput() {
  uaf  := uaf \/ gone;
  gone := TRUE;
}

macro enter_poll() {
  if (HasFence) { goto poll_active } else { goto poll_read }
}

macro leave_poll() {
  if (PinInEpoll) { goto wait_put }
  else { if (PinInDriver) { goto poll_put } else { goto wait_unlock } }
}

fair process (closer \in {"closer"} \ Removers)
variables busy = FALSE;
{
close_put:
  put();
  if (f_count # 0) { if (Mountable) { goto umount } else { goto Done } };
close_f_ep:                                     \* eventpoll_release: f_ep
  uaf := uaf \/ freed;
  if (~f_ep) { goto close_release } else { if (~TakesMtx) { goto close_remove } };
close_mtx:
  await ~mtx;
  mtx := TRUE;
close_remove:                                   \* eventpoll_release_file
  remove_item();
  if (~TakesMtx) { goto close_release };
close_mtx_unlock:
  mtx := FALSE;
close_release:                                  \* ->release
  released := released + 1;
  if (~on) { goto close_dput };
close_cancel:                                   \* dma_fence_remove_callback
  await ~fence;
  fence := TRUE;
  if (queued) { active := FALSE };
  queued := FALSE;
close_cancel_unlock:
  fence := FALSE;
close_dput:                                     \* and what private_data points to: for a dma-buf BUG_ON(active), kfree
  dput();
  if (~Mountable) { goto close_free };
close_mntput:
  mnt := mnt - 1;
close_free:
  freed := TRUE;
  if (~Mountable) { goto Done };
umount:                                         \* umount(2), after close(2) has returned
  busy := mnt > 1;
}

fair process (remover \in Removers)             \* the same close(2) with the item out first
{
early_f_ep:
  uaf := uaf \/ freed;
  if (~f_ep) { goto late_put };
early_mtx:
  await ~mtx;
  mtx := TRUE;
early_remove:
  remove_item();
early_mtx_unlock:
  mtx := FALSE;
late_put:
  put();
  if (f_count # 0) { goto Done } else { if (~InFput) { goto late_release } };
late_f_ep:                                      \* "at_both": __fput looks again
  uaf := uaf \/ freed;
  if (~f_ep) { goto late_release };
late_mtx:
  await ~mtx;
  mtx := TRUE;
late_remove:
  remove_item();
late_mtx_unlock:
  mtx := FALSE;
late_release:
  released := released + 1;
late_dput:
  dput();
late_free:
  freed := TRUE;
}

fair process (adder \in Adders)
{
add_mtx:                                        \* do_epoll_ctl
  await ~mtx;
  mtx := TRUE;
add_insert:                                     \* ep_insert
  uaf  := uaf \/ freed;
  f_ep := TRUE;
add_unlock:
  mtx := FALSE;
add_put:                                        \* fdput
  put();
  if (f_count # 0) { goto Done } else { if (~InFput) { goto fdput_release } };
fdput_f_ep:                                     \* task work: __fput
  uaf := uaf \/ freed;
  if (~f_ep) { goto fdput_release };
fdput_mtx:
  await ~mtx;
  mtx := TRUE;
fdput_remove:
  remove_item();
fdput_mtx_unlock:
  mtx := FALSE;
fdput_release:
  released := released + 1;
fdput_dput:
  dput();
fdput_free:
  freed := TRUE;
}

fair process (waiter \in {"waiter"})
variables seen = 0; mine = FALSE; took = FALSE; last = FALSE;
{
wait_mtx:                                       \* ep_send_events
  await ~mtx;
  mtx := TRUE;
wait_item:
  if (~f_ep) { goto wait_unlock }
  else { if (PinInEpoll) { goto wait_get_load }
  else { if (PinInDriver) { goto poll_get_load }
  else { if (Fix # "nouser") { enter_poll() } } } };
wait_count:                                     \* file_count: not from zero, but no pin
  seen := f_count;
  uaf  := uaf \/ freed;
  if (seen = 0) { goto wait_unlock } else { enter_poll() };
wait_get_load:                                  \* epi_fget
  seen := f_count;
  uaf  := uaf \/ freed;
  if (seen = 0) { goto wait_unlock };
wait_get_cas:
  if (f_count = seen) { f_count := seen + 1; enter_poll() }
  else { goto wait_get_load };
poll_read:                                      \* sock_poll, pipe_poll: private_data, and an event
  uaf  := uaf \/ gone;
  dead := dead \/ f_count = 0;
  leave_poll();
poll_get_load:                                  \* get_file_active
  seen := f_count;
  uaf  := uaf \/ freed;
  if (seen = 0) { goto wait_unlock };
poll_get_cas:
  if (f_count = seen) { f_count := seen + 1 } else { goto poll_get_load };
poll_active:                                    \* dma_buf_poll: dcb->active
  lock_dmabuf();
  mine   := ~active;
  active := TRUE;
poll_active_unlock:
  unlock_dmabuf();
  if (~mine) { leave_poll() } else { if (~TakesRef) { goto poll_fence } };
poll_get:                                       \* get_file, which never fails: here the dead come back
  f_count := f_count + 1;
  uaf     := uaf \/ freed;
poll_fence:                                     \* dma_fence_add_callback
  await ~fence;
  fence  := TRUE;
  queued := ~signalled;
  took   := ~signalled;
  on     := ~signalled /\ Cancels;
poll_fence_unlock:
  fence := FALSE;
  if (took) { leave_poll() };
poll_inline_active:                             \* nothing queued: dma_buf_poll_cb here and now
  lock_dmabuf();
  active := FALSE;
poll_inline_active_unlock:
  unlock_dmabuf();
  if (~TakesRef) { leave_poll() };
poll_inline_put:
  put();
  last := f_count = 0;
  leave_poll();
poll_put:                                       \* in_driver
  put();
  last := last \/ f_count = 0;
  goto wait_unlock;
wait_put:                                       \* ep_item_poll
  put();
  last := last \/ f_count = 0;
wait_unlock:
  mtx := FALSE;
  if (~last) { goto Done } else { if (~InFput) { goto tw_release } };
tw_f_ep:                                        \* task work: __fput
  uaf := uaf \/ freed;
  if (~f_ep) { goto tw_release } else { if (~TakesMtx) { goto tw_remove } };
tw_mtx:
  await ~mtx;
  mtx := TRUE;
tw_remove:
  remove_item();
  if (~TakesMtx) { goto tw_release };
tw_mtx_unlock:
  mtx := FALSE;
tw_release:
  released := released + 1;
tw_dput:
  dput();
  if (~Mountable) { goto tw_free };
tw_mntput:
  mnt := mnt - 1;
tw_free:
  freed := TRUE;
}

fair process (signaller \in Signallers)
variables final = FALSE;
{
signal:                                         \* dma_fence_signal
  await ~fence;
  fence     := TRUE;
  signalled := TRUE;
  if (~queued) { goto signal_unlock } else { queued := FALSE };
cb_active:                                      \* dma_buf_poll_cb
  lock_dmabuf();
  active := FALSE;
cb_active_unlock:
  unlock_dmabuf();
  if (~TakesRef) { goto signal_unlock };
cb_put:
  put();
  final := f_count = 0;
signal_unlock:
  fence := FALSE;
  if (~final) { goto Done } else { if (~InFput) { goto irq_release } };
irq_f_ep:                                       \* the delayed list: __fput
  uaf := uaf \/ freed;
  if (~f_ep) { goto irq_release } else { if (~TakesMtx) { goto irq_remove } };
irq_mtx:
  await ~mtx;
  mtx := TRUE;
irq_remove:
  remove_item();
  if (~TakesMtx) { goto irq_release };
irq_mtx_unlock:
  mtx := FALSE;
irq_release:
  released := released + 1;
irq_dput:
  dput();
  if (~Mountable) { goto irq_free };
irq_mntput:
  mnt := mnt - 1;
irq_free:
  freed := TRUE;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"closer", "waiter"} \cup Adders \cup Signallers

\* Which of the threads stand before one of these.
Before(labels) == {t \in Threads : pc[t] \in labels}

CallbackLabels == {"cb_active", "cb_active_unlock", "cb_put"}

\* The steps of ->poll, up to the fput that ends the pin.
PollLabels ==
  {"poll_read", "poll_active", "poll_active_unlock", "poll_get", "poll_fence", "poll_fence_unlock",
   "poll_inline_active", "poll_inline_active_unlock", "poll_inline_put"}

EpiFgetLabels == {"wait_get_load", "wait_get_cas"}

\* The callback's reference: queued, or on its way to the put.
CallbackRefs ==
  (IF queued THEN 1 ELSE 0)
    + Cardinality(Before(CallbackLabels \cup {"poll_inline_active", "poll_inline_active_unlock", "poll_inline_put"}))

TypeOK ==
  /\ f_count \in -1..4 /\ mnt \in 0..2
  /\ f_ep \in BOOLEAN /\ mtx \in BOOLEAN /\ poll_lock \in BOOLEAN /\ active \in BOOLEAN /\ on \in BOOLEAN
  /\ fence \in BOOLEAN /\ signalled \in BOOLEAN /\ queued \in BOOLEAN
  /\ died \in BOOLEAN /\ released \in 0..3 /\ gone \in BOOLEAN /\ freed \in BOOLEAN
  /\ uaf \in BOOLEAN /\ dead \in BOOLEAN

\* A count that was gone stays gone.
NoResurrect == died => f_count = 0

ReleasedOnce == released <= 1

NoUseAfterFree == ~uaf

\* BUG_ON(dcb.active) in dma_buf_release.
ReleaseImpliesNoCallback == gone => ~active /\ CallbackRefs = 0

\* ->poll is entered, and run, on a file that somebody holds.
PollPinned == Before(PollLabels) # {} => f_count > 0

\* ep->mtx, held from ep_item_poll's look at the item on, keeps ->release away.
MtxExcludesRelease == Before(PollLabels \cup EpiFgetLabels) # {} => released = 0 /\ ~freed

\* Whatever epi_fget looks at, it is this file and no other.
EpiFgetSeesTheFile == Before(EpiFgetLabels) # {} => f_ep /\ released = 0 /\ ~freed

\* Every path gave back what it took.
NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => f_count = 0 /\ ~active /\ CallbackRefs = 0 /\ released = 1 /\ gone /\ freed /\ ~f_ep /\ mnt = 1

\* A file whose count is zero gives no event.
NeverDeadEvent == ~dead

\* umount(2) succeeds once the only descriptor is closed.
NeverEbusy == ~busy["closer"]

\* Baits and witnesses: these must fail.
NeverPollDead == ~(Before(PollLabels) # {} /\ f_count = 0)
NeverReleased == released = 0
NeverRefused  == ~(Before(EpiFgetLabels) # {} /\ f_count = 0)

\* Liveness.
ClosedIsReleased == died ~> released > 0

Life == INSTANCE FileLife WITH life <-
  IF freed THEN "freed"
  ELSE IF released > 0 THEN "released"
  ELSE IF f_count = 0 THEN "dying"
  ELSE "open"

RefinesFileLife == Life!Spec

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ f_count' \in {1, 99} /\ released' \in {0, 1}
  /\ UNCHANGED <<pc, f_ep, mtx, mnt, poll_lock, active, on, fence, signalled, queued, died, gone, freed, uaf, dead,
                 busy, seen, mine, took, last, final>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
