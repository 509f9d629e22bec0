---------------------------- MODULE EpWalk ----------------------------
(* Nested epolls: an EPOLL_CTL_ADD walks up, under RCU, from an epoll to those
   that watch it, while one of these is closed.

   The walk reads refs, the list of the items that watch an epoll, and from an
   item the epoll that it is of. Items are freed by RCU. The epoll that an item
   is of was freed at once:

     1  EPOLL_CTL_ADD: rcu_read_lock, the first item in target->refs, its ep
     2  close(ep): takes its item off target->refs, drops the last reference,
        frees ep
     3  EPOLL_CTL_ADD: reads ep->refs of what is free          (CVE-2026-43074)

   Fix: "kfree"      ep is freed at once
        "kfree_rcu"  ep is freed after a grace period, as its items are (2026)

   Whoever reads under RCU has its own lock (rcu) meanwhile, and a grace period
   takes and gives back the lock of everybody once.

   Code: impl/lifetimes/src/ep_walk.rs *)
EXTENDS Integers

CONSTANT Fix

ASSUME Fix \in {"kfree", "kfree_rcu"}

(*
--algorithm EpWalk {
variables
  rcu    = FALSE;                       \* the walker is inside
  f_lock = FALSE;                       \* the target's file->f_lock
  refs   = TRUE;                        \* target->refs has the item
  mtx    = FALSE;                       \* ep->mtx
  rbr    = TRUE;                        \* the item is in ep's tree
  count  = 2;                           \* ep->refcount: its file's, its item's
  \* ghosts
  freed  = {};                          \* "epi", "ep"
  uaf    = {};

macro touch(what) {
  if (what \in freed) { uaf := uaf \cup {what} };
}

\* ep_get_upwards_depth_proc, reverse_path_check_proc.
fair process (walker \in {"walker"})
variables found = FALSE;
{
walk_lock:                              \* rcu_read_lock
  await ~rcu;
  rcu := TRUE;
walk_first:                             \* hlist_for_each_entry_rcu
  found := refs;
  if (~found) { goto walk_unlock };
walk_epi:                               \* epi->ep
  touch("epi");
walk_ep:                                \* ep->refs, ep->loop_check_gen
  touch("ep");
walk_unlock:
  rcu := FALSE;
}

\* ep_clear_and_put; the item's path in EpRemove.
fair process (closer \in {"closer"})
{
close_mtx:
  await ~mtx;
  mtx := TRUE;
close_f_lock:
  await ~f_lock;
  f_lock := TRUE;
close_unlink:                           \* hlist_del_rcu
  refs := FALSE;
  touch("epi");
close_f_unlock:
  f_lock := FALSE;
close_erase:                            \* rb_erase, kfree_rcu(epi)
  rbr := FALSE;
  touch("epi");
close_item_put:
  count := count - 1;
close_mtx_unlock:
  mtx := FALSE;
close_put:
  count := count - 1;
  if (Fix = "kfree_rcu") { goto close_rcu_wait };
close_free:                             \* ep_free: kfree
  freed := freed \cup {"ep"};
close_rcu_wait:                         \* a grace period
  await ~rcu;
  rcu := TRUE;
close_rcu_over:
  rcu := FALSE;
close_rcu_free:                         \* the RCU callbacks
  freed := freed \cup {"epi", "ep"};
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
TypeOK ==
  /\ rcu \in BOOLEAN /\ f_lock \in BOOLEAN /\ refs \in BOOLEAN /\ mtx \in BOOLEAN /\ rbr \in BOOLEAN
  /\ count \in 0..2 /\ freed \subseteq {"epi", "ep"} /\ uaf \subseteq {"epi", "ep"}

NoUseAfterFree == uaf = {}

\* What was freed is off every list, and nobody counts on it.
FreedIsGone == "ep" \in freed => count = 0 /\ ~rbr /\ ~refs

\* What a walker has found by the list outlives its walk.
GracePeriod == pc["walker"] \in {"walk_epi", "walk_ep"} => freed = {}

NothingLeft ==
  (\A t \in {"walker", "closer"} : pc[t] = "Done")
    => ~rcu /\ ~f_lock /\ ~mtx /\ freed = {"epi", "ep"}

\* Baits and witnesses: these must fail.
NeverFreed    == freed = {}
NeverHeldBack == ~(pc["closer"] = "close_rcu_wait" /\ rcu)
NeverStale    == ~(pc["walker"] = "walk_ep" /\ ~refs /\ count = 0)

\* Liveness.
Freed == <>(freed = {"epi", "ep"})

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {count, 99} /\ freed' \in {freed, {"ep"}} /\ uaf' \in {uaf, {"ep"}}
  /\ rcu' \in BOOLEAN
  /\ UNCHANGED <<pc, f_lock, refs, mtx, rbr, found>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
