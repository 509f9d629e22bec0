---------------------------- MODULE EpWait ----------------------------
(* The entry that an item has on its file's wait queue: woken, freed by the
   queue's owner, and taken off by the epoll.

   ep_unregister_pollwait finds the queue by whead, takes the queue's lock and
   unlinks the entry: a callback that runs has the lock, and none begins after.
   An owner that frees its queue before its file goes (POLLFREE) unlinks the
   entry itself and sets whead to NULL; then nobody takes the queue's lock, and
   the entry may be freed at once:

     1  owner: wake_up_pollfree: lock; the callback sets whead to NULL
     2  epoll: ep_unregister_pollwait: whead is NULL; the entry is freed
     3  owner: the callback unlinks the entry

   so that whead := NULL has to be the callback's last access. And whoever has
   read whead before that takes the lock of a queue whose owner has gone on, so
   the queue is freed after a grace period.

   A callback puts the item on the ready list, and does so again if it was taken
   off; so it is taken off when no callback comes any more:

     1  epoll: takes the item off the ready list
     2  wake: the callback puts it on
     3  epoll: ep_unregister_pollwait; the item is freed, on the list

   Fix: "last"      whead := NULL is last, the queue is freed by RCU
        "first"     whead := NULL comes before the unlinking
        "kfree"     the queue is freed at once
        "unlocked"  ep_unregister_pollwait unlinks without the queue's lock
        "early"     the item is taken off the ready list before that

   Tasks: "wake" wakes the queue, "owner" frees it, "epoll" removes the item.
   The ready list changes in one step, under ep->lock; the item is freed when
   its entry is, and the two are one here.
   Whoever reads under RCU has its own lock (rcu) meanwhile.

   Code: impl/lifetimes/src/ep_wait.rs *)
EXTENDS Integers

CONSTANTS Fix, Tasks

ASSUME Fix \in {"last", "first", "kfree", "unlocked", "early"}
\* The owner sees to it that nobody wakes a queue that it frees.
ASSUME Tasks \in {{"wake", "epoll"}, {"owner", "epoll"}}

(*
--algorithm EpWait {
variables
  wq     = FALSE;                       \* the wait queue's lock
  linked = TRUE;                        \* the entry is on the queue
  whead  = TRUE;                        \* pwq->whead is the queue
  ready  = FALSE;                       \* the item is on ep's ready list
  rcu    = FALSE;                       \* the epoll is inside
  \* ghosts
  freed  = {};                          \* "wq", "entry"
  uaf    = {};

macro touch(what) {
  if (what \in freed) { uaf := uaf \cup {what} };
}

fair process (task \in Tasks)
variables found = FALSE;
{
start:                                  \* the entry, the file, the item: each by its own way
  if (self = "epoll") { if (Fix = "early") { goto rdl_unlink } else { goto unreg_rcu } };
wake_lock:                              \* __wake_up: the queue's lock
  await ~wq;
  wq    := TRUE;
  found := linked;
  touch("wq");
  if (~found) { goto wake_unlock };
callback:                               \* ep_poll_callback: the ready list, under ep->lock
  ready := TRUE;
  touch("entry");
  if (self = "wake") { goto wake_unlock }
  else { if (Fix # "first") { goto callback_unlink } };
callback_whead_first:
  whead := FALSE;
  touch("entry");
callback_unlink:                        \* POLLFREE: list_del_init
  linked := FALSE;
  touch("entry");
  if (Fix = "first") { goto wake_unlock };
callback_whead:                         \* smp_store_release(&pwq->whead, NULL)
  whead := FALSE;
  touch("entry");
wake_unlock:
  wq := FALSE;
  touch("wq");
  if (self = "wake") { goto Done }
  else { if (Fix = "kfree") { goto wq_free } };
gp_wait:                                \* synchronize_rcu
  await ~rcu;
  rcu := TRUE;
gp_over:
  rcu := FALSE;
wq_free:                                \* kfree(queue)
  freed := freed \cup {"wq"};
  goto Done;
unreg_rcu:                              \* ep_unregister_pollwait: rcu_read_lock
  await ~rcu;
  rcu := TRUE;
unreg_whead:                            \* smp_load_acquire(&pwq->whead)
  found := whead;
  if (~found) { goto unreg_rcu_unlock }
  else { if (Fix = "unlocked") { goto unreg_unlink } };
unreg_lock:                             \* remove_wait_queue
  await ~wq;
  wq := TRUE;
  touch("wq");
unreg_unlink:
  linked := FALSE;
  touch("wq");
  if (Fix = "unlocked") { goto unreg_rcu_unlock };
unreg_unlock:
  wq := FALSE;
  touch("wq");
unreg_rcu_unlock:
  rcu := FALSE;
  if (Fix = "early") { goto entry_free };
rdl_unlink:                             \* ep_remove_epi: off the ready list, under ep->lock
  ready := FALSE;
  if (Fix = "early") { goto unreg_rcu };
entry_free:                             \* kmem_cache_free(pwq), kfree_rcu(epi)
  freed := freed \cup {"entry"};
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Callbacks == {"callback", "callback_whead_first", "callback_unlink", "callback_whead"}

TypeOK ==
  /\ wq \in BOOLEAN /\ linked \in BOOLEAN /\ whead \in BOOLEAN /\ ready \in BOOLEAN /\ rcu \in BOOLEAN
  /\ freed \subseteq {"wq", "entry"} /\ uaf \subseteq {"wq", "entry"}

NoUseAfterFree == uaf = {}

\* Once ep_unregister_pollwait has returned no callback runs, nor will.
NoLateCallback ==
  (pc["epoll"] \in {"entry_free", "Done"} \/ (pc["epoll"] = "rdl_unlink" /\ Fix # "early"))
    => ~linked /\ \A t \in Tasks : pc[t] \notin Callbacks

\* And what is free is on no list.
NothingLeft ==
  (\A t \in Tasks : pc[t] = "Done") => ~wq /\ ~rcu /\ ~linked /\ ~ready /\ "entry" \in freed

\* Baits and witnesses: these must fail.
NeverWoken    == ~ready
NeverNull     == ~(pc["epoll"] = "unreg_whead" /\ ~whead)
NeverLate     == ~(pc["epoll"] = "unreg_lock" /\ ~whead)

\* Liveness.
Freed == <>("entry" \in freed)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ freed' \in {freed, {"entry"}, {"wq"}} /\ uaf' \in {uaf, {"wq"}, {"nothing"}} /\ linked' \in BOOLEAN
  /\ UNCHANGED <<pc, wq, whead, ready, rcu, found>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
