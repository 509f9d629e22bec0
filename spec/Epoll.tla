---------------------------- MODULE Epoll ----------------------------
(* A dma-buf file watched by an epoll, closed while epoll_wait polls it and
   while the fence that it waits for signals.

   The bug: epoll holds no reference to the files it watches. Between the
   last put and eventpoll_release_file, ep_item_poll calls ->poll on a file
   whose count is zero; dma_buf_poll takes a reference for its callback (0 to
   1); the callback's fput releases the file a second time.

     1  close: fput, f_count 1 -> 0, on its way to __fput
     2  epoll_wait, under ep->mtx: ->poll
     3  dma_buf_poll: dcb.active, get_file, f_count 0 -> 1
     4  close: eventpoll_release_file, ->release with a callback pending
     5  the fence signals: dma_buf_poll_cb, fput, f_count 1 -> 0 again

   Fix: "2023"       nothing pins the file around ->poll
        "2024"       epi_fget: inc-not-zero before ->poll, fput after it
        "in_driver"  get_file_active in dma_buf_poll, and in no other driver
   Driver: "dma_buf", or "other": a driver that takes references in ->poll
        as well, and that nobody has mended.

   A put that was the last does not release at once: fput queues __fput, on
   the putting task's way back to user mode (tw_), or on a worker when the
   put was an interrupt's (irq_). close(2) runs it inline (close_).

   Code: impl/lifetimes/src/file.rs, epoll.rs, dmabuf.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Driver, Fences, Polls

ASSUME Fix \in {"2023", "2024", "in_driver"}
ASSUME Driver \in {"dma_buf", "other"}
ASSUME Fences \in 1..2 /\ Polls \in 1..2

PinInEpoll  == Fix = "2024"
PinInDriver == Fix = "in_driver" /\ Driver = "dma_buf"

(*
--algorithm Epoll {
variables
  f_count   = 1;                                \* the descriptor's reference
  f_ep      = TRUE;                             \* the item is on the file's list
  mtx       = FALSE;                            \* ep->mtx
  poll_lock = FALSE;                            \* dmabuf->poll.lock
  active    = FALSE;                            \* dcb.active
  fence     = [i \in 1..Fences |-> FALSE];      \* fence->lock
  signalled = [i \in 1..Fences |-> FALSE];
  queued    = [i \in 1..Fences |-> FALSE];      \* the callback is on this fence's list
  \* ghosts
  died      = FALSE;                            \* the count has been gone
  released  = 0;                                \* how often ->release ran
  freed     = FALSE;                            \* the struct file is free memory
  uaf       = FALSE;                            \* freed memory was touched

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
  uaf       := uaf \/ released > 0;
}

macro leave_poll() {
  if (PinInEpoll) { goto wait_put }
  else { if (PinInDriver) { goto poll_put } else { goto wait_unlock } }
}

fair process (closer \in {"closer"})
{
close_put:
  put();
  if (f_count # 0) { goto Done };
close_f_ep:                                     \* eventpoll_release: f_ep
  uaf := uaf \/ freed;
  if (~f_ep) { goto close_release };
close_mtx:
  await ~mtx;
  mtx := TRUE;
close_remove:                                   \* eventpoll_release_file
  remove_item();
close_mtx_unlock:
  mtx := FALSE;
close_release:                                  \* BUG_ON(active), kfree(dmabuf)
  released := released + 1;
close_free:
  freed := TRUE;
}

fair process (waiter \in {"waiter"})
variables seen = 0; mine = FALSE; k = 1; polls = 0; last = FALSE;
{
wait_mtx:                                       \* ep_send_events
  await ~mtx;
  mtx  := TRUE;
  last := FALSE;
wait_item:
  if (~f_ep) { goto wait_unlock }
  else { if (PinInDriver) { goto poll_get_load } else { if (~PinInEpoll) { goto poll_active } } };
wait_get_load:                                  \* epi_fget
  seen := f_count;
  uaf  := uaf \/ freed;
  if (seen = 0) { goto wait_unlock };
wait_get_cas:
  if (f_count = seen) { f_count := seen + 1; goto poll_active }
  else { goto wait_get_load };
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
  poll_lock := FALSE;
  if (~mine) { leave_poll() };
poll_get:                                       \* get_file, which never fails: here the dead come back
  f_count := f_count + 1;
  uaf     := uaf \/ freed;
  k       := 1;
poll_fence:                                     \* dma_fence_add_callback
  await ~fence[k];
  fence[k]  := TRUE;
  queued[k] := ~signalled[k];
  mine      := signalled[k];                    \* not queued: the next fence
poll_fence_unlock:
  fence[k] := FALSE;
  if (~mine) { leave_poll() }
  else { if (k < Fences) { k := k + 1; goto poll_fence } };
poll_inline_active:                                    \* nothing queued: dma_buf_poll_cb here and now
  lock_dmabuf();
  active := FALSE;
poll_inline_active_unlock:
  poll_lock := FALSE;
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
  mtx   := FALSE;
  polls := polls + 1;
  if (~last) { if (polls < Polls) { goto wait_mtx } else { goto Done } };
tw_f_ep:                                        \* task work: __fput
  uaf := uaf \/ freed;
  if (~f_ep) { goto tw_release };
tw_mtx:
  await ~mtx;
  mtx := TRUE;
tw_remove:
  remove_item();
tw_mtx_unlock:
  mtx := FALSE;
tw_release:
  released := released + 1;
tw_free:
  freed := TRUE;
  if (polls < Polls) { goto wait_mtx };
}

fair process (signaller \in {"signaller"})
variables f = 1; had = FALSE; final = FALSE;
{
signal:                                         \* dma_fence_signal
  await ~fence[f];
  fence[f]     := TRUE;
  signalled[f] := TRUE;
  had          := queued[f];
  queued[f]    := FALSE;
  final        := FALSE;
  if (~had) { goto signal_unlock };
cb_active:                                      \* dma_buf_poll_cb
  lock_dmabuf();
  active := FALSE;
cb_active_unlock:
  poll_lock := FALSE;
cb_put:
  put();
  final := f_count = 0;
signal_unlock:
  fence[f] := FALSE;
  if (~final) { if (f < Fences) { f := f + 1; goto signal } else { goto Done } };
irq_f_ep:                                       \* the delayed list: __fput
  uaf := uaf \/ freed;
  if (~f_ep) { goto irq_release };
irq_mtx:
  await ~mtx;
  mtx := TRUE;
irq_remove:
  remove_item();
irq_mtx_unlock:
  mtx := FALSE;
irq_release:
  released := released + 1;
irq_free:
  freed := TRUE;
  if (f < Fences) { f := f + 1; goto signal };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
CallbackLabels == {"cb_active", "cb_active_unlock", "cb_put"}

\* The steps of ->poll, up to the fput that ends the pin.
PollLabels ==
  {"poll_active", "poll_active_unlock", "poll_get", "poll_fence", "poll_fence_unlock",
   "poll_inline_active", "poll_inline_active_unlock", "poll_inline_put"}

EpiFgetLabels == {"wait_get_load", "wait_get_cas"}

\* References that callbacks own: queued, or on their way to the put.
CallbackRefs ==
  Cardinality({i \in 1..Fences : queued[i]})
    + (IF pc["signaller"] \in CallbackLabels THEN 1 ELSE 0)
    + (IF pc["waiter"] \in {"poll_inline_active", "poll_inline_active_unlock", "poll_inline_put"} THEN 1 ELSE 0)

DescriptorRefs == IF pc["closer"] = "close_put" THEN 1 ELSE 0

TypeOK ==
  /\ f_count \in -1..5
  /\ f_ep \in BOOLEAN /\ mtx \in BOOLEAN /\ poll_lock \in BOOLEAN /\ active \in BOOLEAN
  /\ fence \in [1..Fences -> BOOLEAN]
  /\ signalled \in [1..Fences -> BOOLEAN] /\ queued \in [1..Fences -> BOOLEAN]
  /\ died \in BOOLEAN /\ released \in 0..4 /\ freed \in BOOLEAN /\ uaf \in BOOLEAN

\* A count that was gone stays gone.
NoResurrect == died => f_count = 0

ReleasedOnce == released <= 1

NoUseAfterFree == ~uaf

\* BUG_ON(dcb.active) in dma_buf_release.
ReleaseImpliesNoCallback == released > 0 => ~active /\ CallbackRefs = 0

\* ->poll is entered, and run, on a file that somebody holds.
PollPinned == pc["waiter"] \in PollLabels => f_count > 0

\* ep->mtx, held from ep_item_poll's look at the item on, keeps ->release away.
MtxExcludesRelease ==
  pc["waiter"] \in PollLabels \cup EpiFgetLabels => released = 0 /\ ~freed

\* Whatever epi_fget looks at, it is this file and no other.
EpiFgetSeesTheFile == pc["waiter"] \in EpiFgetLabels => f_ep /\ released = 0 /\ ~freed

\* However many fences: one reference for the direction at the most.
OneRefPerDirection == CallbackRefs <= 1 /\ (CallbackRefs = 1 => active \/ pc["signaller"] \in CallbackLabels \/ pc["waiter"] \in PollLabels)

\* Every path gave back what it took.
NothingLeft ==
  (\A t \in {"closer", "waiter", "signaller"} : pc[t] = "Done")
    => f_count = 0 /\ ~active /\ CallbackRefs = 0 /\ released = 1 /\ freed

\* Baits and witnesses: these must fail.
NeverPollDead   == ~(pc["waiter"] \in PollLabels /\ f_count = 0)
NeverReleased   == released = 0
NeverOutlivesFd == ~(pc["closer"] = "Done" /\ f_count > 0 /\ CallbackRefs = 1 /\ pc["waiter"] = "Done")
NeverRefused    == ~(pc["waiter"] \in EpiFgetLabels /\ f_count = 0)

\* Liveness.
ClosedIsReleased == (f_count = 0 /\ pc["closer"] # "close_put") ~> released > 0
FileGoesAway     == <>(freed /\ f_count = 0)

\* The same without the promise that fences signal: then FileGoesAway must fail.
SpecNoSignal ==
  /\ Init /\ [][Next]_vars
  /\ \A self \in {"closer"} : WF_vars(closer(self))
  /\ \A self \in {"waiter"} : WF_vars(waiter(self))

Life == INSTANCE FileLife WITH life <-
  IF freed THEN "freed"
  ELSE IF released > 0 THEN "released"
  ELSE IF f_count = 0 THEN "dying"
  ELSE "open"

RefinesFileLife == Life!Spec

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ f_count' \in {1, 99} /\ released' \in {0, 1} /\ queued' \in [1..Fences -> BOOLEAN]
  /\ UNCHANGED <<pc, f_ep, mtx, poll_lock, active, fence, signalled, died, freed, uaf,
                 seen, mine, k, polls, last, f, had, final>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
