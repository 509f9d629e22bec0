---------------------------- MODULE DmaBuf ----------------------------
(* A dma-buf that its users poll and close while the fences that they wait
   for signal.

   ->poll puts a callback on the first fence that has not signalled, one for
   each direction. The callback is part of the buffer, so the buffer must be
   there when the fence signals:

     1  user: dma_buf_poll: dcb.active, the callback is queued
     2  user: close: the last fput, ->release, the buffer is freed
     3  the fence signals: dma_buf_poll_cb uses the freed dcb

   Fix: "2021"         ->poll takes a reference to the file for each callback
        "2020"         it does not, and nobody cancels
        "cancel"       it does not, and ->release takes the callbacks off
                       their fences
        "every_fence"  as "2021", but the scan does not stop at the first
                       fence that takes the callback

   Each user has a descriptor of its own, and all fences are writers', which
   both directions wait for. close(2) runs __fput inline; a callback's last
   fput leaves it to a worker (irq_). ->release comes before dput, which ends
   the buffer, and that before the struct file goes.

   Code: impl/lifetimes/src/file.rs, dmabuf.rs, mount.rs *)
EXTENDS Integers, FiniteSets, Sequences

CONSTANTS Fix, Directions, Fences, Users, Mountable

ASSUME Fix \in {"2021", "2020", "cancel", "every_fence"}
ASSUME Directions \in 1..2 /\ Fences \in 1..2
ASSUME Mountable \in BOOLEAN /\ (Mountable => Cardinality(Users) = 1)

TakesRef == Fix \in {"2021", "every_fence"}
Cancels  == Fix = "cancel"

\* For writing (OUT), then for reading (IN).
Dirs       == 1..Directions
Name       == <<"fence1", "fence2">>
Signallers == {Name[i] : i \in 1..Fences}
None       == "none"

First(S) == CHOOSE i \in S : \A j \in S : i <= j

(*
--algorithm DmaBuf {
variables
  f_count   = Cardinality(Users);                   \* a descriptor each
  mnt       = IF Mountable THEN 2 ELSE 1;           \* mnt_count: the tree's reference, and the file's
  poll_lock = FALSE;                                \* dmabuf->poll.lock
  active    = [i \in Dirs |-> FALSE];               \* dcb.active
  on        = [i \in Dirs |-> None];                \* "cancel": the fence that took the callback
  fence     = [s \in Signallers |-> FALSE];         \* fence->lock
  signalled = [s \in Signallers |-> FALSE];
  queued    = [s \in Signallers |-> {}];            \* fence->cb_list: the directions whose callback is there
  \* ghosts
  died      = FALSE;                                \* the count has been gone
  released  = 0;                                    \* how often ->release ran
  gone      = FALSE;                                \* the buffer is free memory
  freed     = FALSE;                                \* the struct file is
  uaf       = FALSE;                                \* free memory was touched

define {
  Taken(i) == {j \in Dirs : j >= i /\ on[j] # None}
}

macro put() {
  died    := died \/ f_count = 1;
  uaf     := uaf \/ freed;
  f_count := f_count - 1;
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

macro next_direction() {
  if (d < Directions) { d := d + 1; goto poll_active } else { goto close_put }
}

macro cancel_from(i) {
  if (Taken(i) = {}) { goto close_dput } else { c := First(Taken(i)); goto close_cancel }
}

macro take_callback() {
  cb           := First(queued[self]);
  queued[self] := queued[self] \ {First(queued[self])};
}

macro next_callback() {
  if (queued[self] = {}) { goto signal_unlock } else { take_callback(); goto cb_active }
}

macro dput() {
  uaf  := uaf \/ gone;
  gone := TRUE;
}

fair process (user \in Users)
variables d = 1; k = 1; mine = FALSE; took = FALSE; c = 1; busy = FALSE;
{
poll_active:                                        \* dma_buf_poll: dcb->active
  lock_dmabuf();
  mine      := ~active[d];
  active[d] := TRUE;
poll_active_unlock:
  unlock_dmabuf();
  k    := 1;
  took := FALSE;
  if (~mine) { next_direction() } else { if (~TakesRef) { goto poll_fence } };
poll_get:                                           \* get_file
  f_count := f_count + 1;
  uaf     := uaf \/ freed;
poll_fence:                                         \* dma_fence_add_callback
  await ~fence[Name[k]];
  fence[Name[k]] := TRUE;
  if (~signalled[Name[k]]) {
    queued[Name[k]] := queued[Name[k]] \cup {d};
    took := TRUE;
    if (Cancels) { on[d] := Name[k] };
  };
poll_fence_unlock:
  fence[Name[k]] := FALSE;
  if (k < Fences /\ (~took \/ Fix = "every_fence")) { k := k + 1; goto poll_fence }
  else { if (took) { next_direction() } };
poll_inline_active:                                 \* nothing queued: dma_buf_poll_cb here and now
  lock_dmabuf();
  active[d] := FALSE;
poll_inline_active_unlock:
  unlock_dmabuf();
  if (~TakesRef) { next_direction() };
poll_inline_put:                                    \* never the last: the descriptor is there
  put();
  next_direction();
close_put:
  put();
  if (f_count # 0) { if (Mountable) { goto umount } else { goto Done } };
close_release:                                      \* ->release
  released := released + 1;
  cancel_from(1);
close_cancel:                                       \* dma_fence_remove_callback
  await ~fence[on[c]];
  fence[on[c]] := TRUE;
  if (c \in queued[on[c]]) { active[c] := FALSE };
  queued[on[c]] := queued[on[c]] \ {c};
close_cancel_unlock:
  fence[on[c]] := FALSE;
  cancel_from(c + 1);
close_dput:                                         \* dma_buf_release: BUG_ON(active), kfree
  dput();
  if (~Mountable) { goto close_free };
close_mntput:
  mnt := mnt - 1;
close_free:
  freed := TRUE;
  if (~Mountable) { goto Done };
umount:                                             \* umount(2), after close(2) has returned
  busy := mnt > 1;
}

fair process (signaller \in Signallers)
variables cb = 0; final = FALSE;
{
signal:                                             \* dma_fence_signal
  await ~fence[self];
  fence[self]     := TRUE;
  signalled[self] := TRUE;
  if (queued[self] = {}) { goto signal_unlock } else { take_callback() };
cb_active:                                          \* dma_buf_poll_cb
  lock_dmabuf();
  active[cb] := FALSE;
cb_active_unlock:
  unlock_dmabuf();
  if (~TakesRef) { next_callback() };
cb_put:
  put();
  final := final \/ f_count = 0;
  next_callback();
signal_unlock:
  fence[self] := FALSE;
  if (~final) { goto Done };
irq_release:                                        \* the delayed list: __fput
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
Threads == Users \cup Signallers

\* A direction's callbacks: on a fence's list, or taken off it to run.
Callbacks(i) ==
  Cardinality({s \in Signallers : i \in queued[s]})
    + Cardinality({s \in Signallers : pc[s] \in {"cb_active", "cb_active_unlock"} /\ cb[s] = i})

\* Those, and the one that the poll does inline; each gives one reference back.
CallbackRefs(i) ==
  Callbacks(i)
    + Cardinality({u \in Users : pc[u] \in {"poll_inline_active", "poll_inline_active_unlock"} /\ d[u] = i})

TypeOK ==
  /\ f_count \in -1..6 /\ mnt \in 0..2 /\ poll_lock \in BOOLEAN
  /\ active \in [Dirs -> BOOLEAN] /\ on \in [Dirs -> Signallers \cup {None}]
  /\ fence \in [Signallers -> BOOLEAN] /\ signalled \in [Signallers -> BOOLEAN]
  /\ queued \in [Signallers -> SUBSET Dirs]
  /\ died \in BOOLEAN /\ released \in 0..2 /\ gone \in BOOLEAN /\ freed \in BOOLEAN /\ uaf \in BOOLEAN

\* A count that was gone stays gone.
NoResurrect == died => f_count = 0

ReleasedOnce == released <= 1

NoUseAfterFree == ~uaf

\* BUG_ON(dcb.active) in dma_buf_release.
ReleaseImpliesNoCallback == gone => \A i \in Dirs : ~active[i] /\ Callbacks(i) = 0

\* A callback is on one fence's list at the most: it is one node.
QueuedOnce == \A i \in Dirs : Cardinality({s \in Signallers : i \in queued[s]}) <= 1

\* However many fences and polls: one reference for each direction at the most.
OneRefPerDirection == \A i \in Dirs : CallbackRefs(i) <= 1 /\ (CallbackRefs(i) = 1 => active[i] \/ f_count > 0)

\* Every path gave back what it took.
NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => /\ f_count = 0 /\ released = 1 /\ gone /\ freed /\ mnt = 1
       /\ \A i \in Dirs : ~active[i] /\ Callbacks(i) = 0

\* umount(2) succeeds once the only descriptor is closed.
NeverEbusy == \A u \in Users : ~busy[u]

\* Baits and witnesses: these must fail.
NeverReleased    == released = 0
NeverOutlivesFds == ~((\A u \in Users : pc[u] = "Done") /\ f_count > 0)
NeverCancelled   == \A u \in Users : ~(pc[u] = "close_cancel" /\ c[u] \in queued[on[c[u]]])
NeverTooLate     == \A u \in Users : ~(pc[u] = "close_cancel" /\ c[u] \notin queued[on[c[u]]])

\* Liveness.
FileGoesAway == <>(freed /\ f_count = 0)

\* The same without the promise that fences signal: only that a signal ends once it has begun.
SpecNoSignal ==
  /\ Init /\ [][Next]_vars
  /\ \A self \in Users : WF_vars(user(self))
  /\ \A self \in Signallers : WF_vars(pc[self] # "signal" /\ signaller(self))

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ f_count' \in {1, 99} /\ died' = TRUE /\ released' \in {0, 2}
  /\ UNCHANGED <<pc, mnt, poll_lock, active, on, fence, signalled, queued, gone, freed, uaf,
                 d, k, mine, took, c, busy, cb, final>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
