---------------------------- MODULE EpRemove ----------------------------
(* One epoll (ep), one item, one watched file, which is an epoll file itself:
   how the item goes, who may touch what on the way, and when ep goes.

   An item holds no reference to its file, and file->f_ep points to the list
   of its items, which for an epoll file is inside its own eventpoll (head).
   Three paths remove the item: ep_remove for EPOLL_CTL_DEL and for an insert
   that fails, ep_clear_and_put when ep is closed, eventpoll_release_file when
   the file is. eventpoll_release skips the last one, without a lock, where
   f_ep is NULL. The first two come to the file from outside:

     1  close(epfd): takes file->f_lock, f_ep := NULL
     2  last fput(file): f_ep is NULL; ->release frees head, and the slot of
        the struct file is another file's
     3  close(epfd): hlist_del_rcu writes into head, spin_unlock into the other
        file, and by its f_op the head is freed into the wrong cache
                                                               (CVE-2026-46242)

   A mutex is given back in two steps, and the second still uses its memory:

     1  close(file): drops the item's reference to ep, unlocks, not done yet
     2  close(epfd): locks, drops the last reference, unlocks, frees ep
     3  close(file): the rest of mutex_unlock                  (CVE-2025-38349)

   Guard: what ep_remove looks at before it touches file->f_lock and f_ep
        "dying"   a flag that eventpoll_release_file sets in the item (2023)
        "pin"     epi_fget: no reference to be had, and the item is left to
                  eventpoll_release_file (2026)
        "none"    nothing
        "always"  epi_fget, and eventpoll_release_file asks for it as well
   Count: what f_count is
        "atomic_long"  epi_fget is inc-not-zero, and whoever puts the last
                       reference has the file
        "file_ref"     (6.13) epi_fget adds one and then looks; the last put
                       has the file if nobody came in before its second step
   PinPoll:   epi_fget before ->poll (2024: two years before ep_remove has it)
   PutInside: ep's reference is dropped before mutex_unlock (2023), not after
   RcuFree:   struct eventpoll is freed after a grace period (2026)
   Inline:    an fput that was the last runs __fput at once, under ep->mtx
   Lifo:      of two __fput that are left to one task the later runs first, as
              task work does today; nobody promises an order
   Tasks: who is there. "file" closes the file, "epfd" the epoll; "del", "add"
        and "fail" are in EPOLL_CTL_DEL, in EPOLL_CTL_ADD, and in one that
        fails and takes the item back; "wait" is in epoll_wait. An insert
        that does not fail polls the file as well.

   The item is freed by RCU as well (kfree_rcu), and nobody here reads it under
   RCU alone: a task that has no lock may find it gone at once.

   The struct file is type-stable: once freed it is another file's at once
   (file is 2), and so are its f_lock and its f_op. A task that has an f_lock
   cannot be preempted: a grace period waits for it. Reading ep itself under
   RCU is in EpWalk.

   Code: impl/lifetimes/src/ep_remove.rs, impl/lifetimes/src/ep_remove/objects.rs,
         impl/lifetimes/src/counts/atomic_long.rs, file_ref.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Guard, Count, PinPoll, PutInside, RcuFree, Inline, Lifo, Tasks, Waits

ASSUME Guard \in {"none", "dying", "pin", "always"}
ASSUME Count \in {"atomic_long", "file_ref"}
ASSUME PinPoll \in BOOLEAN /\ PutInside \in BOOLEAN /\ RcuFree \in BOOLEAN /\ Inline \in BOOLEAN
ASSUME Lifo \in BOOLEAN
ASSUME Tasks \subseteq {"file", "epfd", "del", "add", "fail", "wait"}
\* How often to wait; 0 is for ever.
ASSUME Waits \in 0..2
\* Nobody would get out of it again.
ASSUME Inline => Tasks = {"file", "wait"}
\* The calls' puts are one step.
ASSUME Count = "file_ref" => Tasks \cap {"del", "add", "fail"} = {} /\ ~Inline

Callers == Tasks \cap {"del", "add", "fail"}
TwoStep == Count = "file_ref"
Dead    == -7                           \* of file_ref, whose word is one less
Adds    == Tasks \cap {"add", "fail"} # {}

(*
--algorithm EpRemove {
variables
  f_count = 1 + Cardinality(Callers);   \* the file's; a call has its reference already
  e_count = 1 + Cardinality(Tasks \ {"file", "epfd"});  \* the epoll file's
  f_ep    = ~Adds;                      \* file->f_ep is not NULL
  f_lock  = FALSE;                      \* file->f_lock
  link    = ~Adds;                      \* the item is on the file's list,
  rbr     = ~Adds;                      \* and in ep's tree
  dying   = FALSE;                      \* epi->dying
  mtx     = FALSE;                      \* ep->mtx
  refs    = IF Adds THEN 1 ELSE 2;      \* ep's: the epoll file's, the item's
  file    = 1;                          \* whose the slot of the struct file is
  \* ghosts
  removed  = 0;                         \* how often the item was
  released = 0;                         \* how often the file's ->release ran
  freed    = {};                        \* what is gone: "ep", "item", "head"
  uaf      = {};                        \* and was used: the same, or "mutex", which is in ep
  strange  = FALSE;                     \* somebody touched the slot, and it was another file's

define {
  Skips(path) == Guard = "dying" /\ path # "file"
  Place(what) == IF what = "mutex" THEN "ep" ELSE what
  Polls(path) == path \in {"wait", "add"}
  Asks(path)  == IF Polls(path) THEN PinPoll ELSE (path # "file" /\ Guard = "pin") \/ Guard = "always"
}

macro touch_file() {
  strange := strange \/ file # 1;
}

macro touch(what) {
  uaf := uaf \cup {w \in what : Place(w) \in freed};
}

macro pin() {
  if (TwoStep) { goto pin_get } else { goto pin_get_load };
}

\* Task work: __fput of ep's file, if this task's put was the last.
macro after_fput() {
  if (elast) { elast := FALSE; path := "epfd"; goto mtx_lock } else { goto Done };
}

\* ep_clear_and_put goes on without the item, everybody else is done under ep->mtx.
macro leave_item() {
  if (path = "epfd" /\ PutInside) { goto put_inside } else { goto mtx_unlock };
}

fair process (task \in Tasks)
variables path = "none"; had = FALSE; seen = 0;
          pinned = FALSE; last = FALSE; elast = FALSE; dead = FALSE; waits = 0;
{
fd:                                     \* the system call finds its descriptor
  path := self;
  if (self = "file") { goto file_put }
  else { if (self = "epfd") { goto epfd_put } else { goto mtx_lock } };
file_put:                               \* close(2): fput(file)
  f_count := f_count - 1;
  if (f_count # 0) { goto Done } else { if (~TwoStep) { goto fast_path } };
file_kill:                              \* dead, if nobody has got a reference since
  if (f_count # 0) { goto Done } else { f_count := Dead };
fast_path:                              \* __fput: eventpoll_release, without a lock
  path := "file";
  last := FALSE;
  touch_file();
  if (~f_ep) { goto release };
first:                                  \* eventpoll_release_file: the first item
  await ~f_lock;
  f_lock := TRUE;
  had    := link;
  dying  := dying \/ (link /\ Guard = "dying");
first_unlock:
  f_lock := FALSE;
  if (~had) { goto release };
epi_ep:                                 \* whose item it is; without a lock
  touch({"item"});
mtx_lock:
  await ~mtx;
  mtx := TRUE;
  touch({"mutex"});
  had := rbr;
  if (path \in {"add", "fail"}) { goto attach }
  else { if (~rbr /\ path # "file") { leave_item() }
  else { if (Asks(path)) { pin() }
  else { if (Polls(path)) { goto poll } else { goto lock } } } };
attach:                                 \* ep_insert: ep_attach_file
  await ~f_lock;
  f_lock := TRUE;
  f_ep   := TRUE;
  link   := TRUE;
  touch_file();
attach_unlock:
  f_lock := FALSE;
insert:                                 \* ep_rbtree_insert
  rbr := TRUE;
ep_get:
  refs := refs + 1;
  if (~Asks(path)) { if (Polls(path)) { goto poll } else { goto lock } };
pin_get_load:                           \* epi_fget up to 6.12
  seen := f_count;
  touch_file();
  if (seen = 0) { had := FALSE; leave_item() };
pin_get_cas:
  if (f_count # seen) { goto pin_get_load }
  else {
    f_count := seen + 1;
    pinned  := TRUE;
    if (Polls(path)) { goto poll } else { goto lock } };
pin_get:                                \* since 6.13: whatever the word is
  f_count := f_count + 1;
  pinned  := f_count > 0;
  touch_file();
  if (~pinned) { had := FALSE; leave_item() } else { if (Polls(path)) { goto poll } };
lock:                                   \* ep_remove_file
  await ~f_lock;
  f_lock := TRUE;
  had    := ~(dying /\ Skips(path));
  touch_file();
  if (~had) { goto unlock };
clear:                                  \* the only item: f_ep
  f_ep := FALSE;
  touch_file();
f_op:                                   \* is it an epoll file?
  touch_file();
unlink:                                 \* hlist_del_rcu
  link := FALSE;
  touch({"head", "item"});
unlock:
  f_lock := FALSE;
  touch_file();
  if (~had) { leave_item() };
erase:                                  \* ep_remove_epi: rb_erase, kfree_rcu
  rbr     := FALSE;
  removed := removed + 1;
  touch({"ep", "item"});
  freed   := freed \cup {"item"};
  if (path = "file") { if (PutInside) { goto put_inside } else { goto mtx_unlock } };
item_put:                               \* never the last: the caller has ep's file
  refs := refs - 1;
  touch({"ep"});
  if (pinned) { goto pin_put } else { leave_item() };
poll:                                   \* ->poll, of the file's own eventpoll
  touch_file();
  touch({"head"});
  if (~pinned) { goto mtx_unlock };
pin_put:                                \* fput, under ep->mtx
  f_count := f_count - 1;
  if (TwoStep /\ f_count = 0) { goto pin_kill }
  else {
    last   := last \/ f_count = 0;
    pinned := FALSE;
    if (Inline /\ f_count = 0) { goto fast_path } else { leave_item() } };
pin_kill:
  last   := f_count = 0;
  pinned := FALSE;
  if (f_count = 0) { f_count := Dead };
  leave_item();
put_inside:                             \* 2023: ep_refcount_dec_and_test under ep->mtx
  refs := refs - 1;
  dead := refs = 0;
  touch({"ep"});
mtx_unlock:                             \* mutex_unlock: the owner word
  mtx := FALSE;
  touch({"mutex"});
mtx_tail:                               \* and the waiters' list
  touch({"mutex"});
  if (path \in {"del", "add", "fail"}) { goto ctl_put }
  else { if (path = "wait") {
    waits := IF Waits = 0 THEN 0 ELSE waits + 1;
    if (~last /\ (Waits = 0 \/ waits < Waits)) { goto mtx_lock } else { goto epfd_put } }
  else { if (path = "file" /\ ~had) { goto first }
  else { if (PutInside) {
    if (dead) { goto ep_free }
    else { if (path = "file") { goto first }
    else { if (last) { goto fast_path } else { goto Done } } } } } } };
ep_put:
  refs := refs - 1;
  touch({"ep"});
  if (refs # 0) {
    if (path = "file") { goto first }
    else { if (last) { goto fast_path } else { goto Done } } };
ep_free:
  freed := freed \cup {"ep"};
  if (path = "file") { dead := FALSE; goto first }
  else { if (~last) { goto Done } else { goto fast_path } };
release:                                \* ->release: the file's own eventpoll
  released := released + 1;
  if (~RcuFree) { freed := freed \cup {"head"} };
free:                                   \* file_free, and alloc_empty_file by somebody else
  file := 2;
  if (~RcuFree) { after_fput() };
rcu_wait:                               \* kfree_rcu: a grace period, later, on this CPU
  await ~f_lock;
  f_lock := TRUE;
rcu_over:
  f_lock := FALSE;
rcu_free:
  freed := freed \cup {"head"};
  after_fput();
ctl_put:                                \* epoll_ctl: fput(file)
  f_count := f_count - 1;
  last := f_count = 0;
epfd_put:                               \* fput(epfd's file)
  e_count := e_count - 1;
  if (e_count = 0 /\ (Lifo \/ ~last)) { path := "epfd"; goto mtx_lock }
  else { if (last) { elast := e_count = 0; goto fast_path } else { goto Done } };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
FileDead == IF TwoStep THEN f_count < 0 ELSE f_count = 0

Done == \A t \in Tasks : pc[t] = "Done"

\* From the look at the item on, with ep->mtx held.
MtxLabels == {"attach", "attach_unlock", "insert", "ep_get", "pin_get_load", "pin_get_cas", "pin_get", "lock",
              "clear", "f_op", "unlink", "unlock", "erase", "item_put", "poll", "pin_put", "pin_kill", "put_inside",
              "mtx_unlock"}

TypeOK ==
  /\ f_count \in Dead..4 /\ e_count \in 0..4 /\ refs \in 0..2
  /\ f_ep \in BOOLEAN /\ link \in BOOLEAN /\ rbr \in BOOLEAN /\ dying \in BOOLEAN /\ mtx \in BOOLEAN
  /\ f_lock \in BOOLEAN /\ file \in 1..2
  /\ removed \in 0..2 /\ released \in 0..2 /\ strange \in BOOLEAN
  /\ freed \subseteq {"ep", "item", "head"} /\ uaf \subseteq {"ep", "mutex", "item", "head"}

NoUseAfterFree == uaf = {}

\* The same, by what it is that was used.
MutexThere == "mutex" \notin uaf
HeadThere  == "head" \notin uaf
ItemThere  == "item" \notin uaf

\* Whoever touches the struct file through the item touches the file that the item is of.
SameFile == ~strange

\* An item is removed once, whichever path does it.
RemovedOnce == removed <= 1

ReleasedOnce == released <= 1

\* What eventpoll_release believes when it finds f_ep NULL: no item of a dead file, but one that is going just now.
FastPath ==
  (FileDead /\ ~f_ep) => ~link \/ \E t \in Tasks : path[t] = "file" /\ pc[t] \in {"f_op", "unlink"}

\* One reference for the epoll file, one for the item: ep goes when both have.
RefsAreHolders == "ep" \in freed => refs = 0 /\ e_count = 0 /\ ~rbr

\* A system call on the item has both files: nobody closes either meanwhile.
CallsExclude ==
  \A t \in Callers : path[t] = t /\ pc[t] \in MtxLabels => f_count > 0 /\ e_count > 0 /\ released = 0

NothingLeft ==
  Done =>
    /\ FileDead /\ released = 1 /\ file = 2 /\ {"item", "head"} \subseteq freed
    /\ ~f_ep /\ ~link /\ ~rbr /\ removed = 1
    /\ ~mtx /\ ~f_lock
    /\ IF e_count = 0 THEN refs = 0 /\ "ep" \in freed ELSE refs = 1 /\ "ep" \notin freed

\* Baits and witnesses: these must fail.
NeverReleased    == released = 0
NeverEpFreed     == "ep" \notin freed
NeverBailed      == ~\E t \in Tasks : path[t] = "epfd" /\ pc[t] = "pin_get_load" /\ f_count = 0
NeverRevived     == ~\E t \in Tasks : pc[t] = "file_kill" /\ f_count > 0
NeverPolledDying == ~\E t \in Tasks : pc[t] = "poll" /\ dying
NeverLockedDying == ~\E t \in Tasks : path[t] = "epfd" /\ pc[t] = "unlock" /\ dying
NeverByCall      == ~\E t \in Callers : pc[t] = "erase" /\ path[t] = t
NeverByEpfd      == ~\E t \in Tasks : pc[t] = "erase" /\ path[t] = "epfd"
NeverByFile      == ~\E t \in Tasks : pc[t] = "erase" /\ path[t] = "file"

\* Liveness, if a mutex is handed over in the end to whoever waits for it.
ClosedIsReleased == FileDead ~> released > 0
BailedIsRemoved  == (\E t \in Tasks : path[t] = "epfd" /\ pc[t] = "mtx_unlock" /\ rbr) ~> ~rbr

SpecHandoff == Spec /\ \A t \in Tasks : SF_vars(task(t) /\ pc[t] = "mtx_lock")

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ f_count' \in {0, f_count, 99} /\ f_ep' \in BOOLEAN /\ freed' \in {freed, {"ep"}}
  /\ uaf' \in {uaf, {"mutex", "item", "head"}} /\ strange' \in BOOLEAN
  /\ removed' \in {removed, 2} /\ released' \in {released, 2}
  /\ UNCHANGED <<pc, e_count, f_lock, link, rbr, dying, mtx, refs, file, path, had, seen, pinned,
                 last, elast, dead, waits>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
