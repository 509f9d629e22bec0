---------------------------- MODULE Straggle ----------------------------
(* A put that straggles: with a dead-zone count the last put is two steps,
   and between them another thread may revive the count, drop it, and see the
   pool's memory freed.

     1  owner: put, no reference is left; about to kill the count
     2  lookup: has looked before that; adds: a valid reference
     3  lookup: put, kill, release; the slot goes back
     4  lookup: drops the last handle: the memory is freed
     5  owner: its compare-exchange touches freed memory

   So whoever revives a count notes that a put is going to straggle (owe), and
   the put whose kill fails says when it is done with the slot (settle). The
   memory goes when nothing is left of the sum of stragglers, of slots that
   are out, and of the marks of a killed pool. Until the last handle is
   dropped or the pool is killed, Open keeps the sum from that.

   What is settled may not be owed yet. Where a straggler weighs as much as a
   slot, a killed pool would take itself for drained:

     1  owner: put, no reference is left
     2  lookup: adds: a reference, and a debt that is not yet noted
     3  owner: cannot kill, settles: one less, as if the slot were back
     4  killer: no slot is out: tells, while lookup has its reference

   And whoever makes an object unfindable must not pass over one that is about
   to be killed: it may be revived.

     1  owner: put, no reference is left
     2  killer: there is no object to be removed
     3  lookup: adds: the object lives on, and is found in a killed pool

   Fix: "counted"    what the code does
        "forgotten"  nobody counts stragglers
        "as_slots"   a straggler weighs as much as a slot
        "passed"     a kill passes over what has no reference

   Code: impl/graceref/src/slots/close.rs, impl/graceref/src/reference.rs,
         impl/graceref/src/pool/mod.rs, impl/graceref/src/count/file_ref.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Killers

ASSUME Fix \in {"counted", "forgotten", "as_slots", "passed"}
\* With a killer there is a handle that stays; Kill has the end of a killed pool.
ASSUME Killers \subseteq {"killer"}

Dead   == -8
Slot   == 1
Null   == 0
Closed == -1

\* Far from each other; the code's are 2^44, 2^40, 2^41, 2^63.
Straggler == IF Fix = "as_slots" THEN 1 ELSE 16
Notify    == 64
Handles   == 128
Open      == 512

(*
--algorithm Straggle {
variables
  count    = 1;                         \* the slot's word: references,
  live     = TRUE;                      \* and whether it may be found
  first    = Null;                      \* the free list's head
  next     = Null;                      \* the slot's link
  leaving  = Open;
  handles  = 1;
  fresh    = FALSE;                     \* whether the run of slots never used is closed
  closed   = FALSE;                     \* whether the pool is killed,
  drained  = FALSE;                     \* and somebody is to be told
  \* ghosts
  released = 0;
  told     = 0;
  freed    = 0;

define {
  Tells(sum) == sum \in {Notify, Notify + Handles}
}

\* What follows from the sum when something was taken off it.
macro left(mine) {
  if (Tells(leaving)) { mine := drained; drained := FALSE }
  else { if (leaving = 0) { freed := freed + 1 } };
}

macro leave_lookup() {
  if (Killers = {}) { goto close_put } else { goto Done }
}

macro tell(mine) {
  leaving := leaving - Notify;
  if (leaving = 0) { freed := freed + 1 };
  if (mine) { told := told + 1 };
}

\* Drops its reference.
fair process (owner \in {"owner"})
variables oplive = FALSE; ohead = Null; omine = FALSE;
{
own_put:
  count := count - 1;
  if (count = 0) { oplive := live } else { goto Done };
own_kill:
  if (count = 0 /\ live = oplive) { count := Dead; goto own_release }
  else { if (count # 0) { if (Fix = "forgotten") { goto Done } else { goto own_settle } } };
own_kill_again:                         \* only removed meanwhile, or revived and put as well
  if (count = 0) { count := Dead; goto own_release }
  else { if (Fix = "forgotten") { goto Done } };
own_settle:
  leaving := leaving - Straggler;
  left(omine);
  if (~Tells(leaving)) { goto Done };
own_notify:
  tell(omine);
  goto Done;
own_release:
  released := released + 1;
own_free_head:
  ohead := first;
  if (ohead = Closed) { goto own_free_leave };
own_free_next:
  next := ohead;
own_free_push:
  if (first = ohead) { first := Slot; goto Done } else { goto own_free_head };
own_free_leave:
  leaving := leaving - 1;
  left(omine);
  if (~Tells(leaving)) { goto Done };
own_free_notify:
  tell(omine);
}

\* Looks the object up by its key, drops what it got, and then its handle, if that is the last.
fair process (lookup \in {"lookup"})
variables lplive = FALSE; lhead = Null; lmine = FALSE; found = 0;
{
look_get_load:
  if (~live \/ count < 1) { leave_lookup() };
look_get:
  count := count + 1;
  if (count < 1) { leave_lookup() }
  else { if (count # 1 \/ Fix = "forgotten") { goto look_put } };
look_owe:                               \* the only reference: another put had left none
  leaving := leaving + Straggler;
look_put:
  count := count - 1;
  if (count = 0) { lplive := live } else { leave_lookup() };
look_kill:
  if (count = 0 /\ live = lplive) { count := Dead; goto look_release }
  else { if (count # 0) { if (Fix = "forgotten") { leave_lookup() } else { goto look_settle } } };
look_kill_again:
  if (count = 0) { count := Dead; goto look_release }
  else { if (Fix = "forgotten") { leave_lookup() } };
look_settle:
  leaving := leaving - Straggler;
  left(lmine);
  if (~Tells(leaving)) { leave_lookup() };
look_notify:
  tell(lmine);
  leave_lookup();
look_release:
  released := released + 1;
look_free_head:
  lhead := first;
  if (lhead = Closed) { goto look_free_leave };
look_free_next:
  next := lhead;
look_free_push:
  if (first = lhead) { first := Slot; leave_lookup() } else { goto look_free_head };
look_free_leave:
  leaving := leaving - 1;
  left(lmine);
  if (~Tells(leaving)) { leave_lookup() };
look_free_notify:
  tell(lmine);
  if (Killers # {}) { goto Done };
close_put:
  handles := handles - 1;
close_fresh:
  fresh := TRUE;
close_swap:
  if (first # Null) { found := 1 };
  first := Closed;
close_count:
  leaving := leaving + (1 - found) - Open;
  if (leaving = 0) { freed := freed + 1 };
}

\* Kills the pool.
fair process (killer \in Killers)
variables kfound = 0; kseen = 0; kmine = FALSE; klate = FALSE;
{
kill_claim:
  closed  := TRUE;
  drained := TRUE;
kill_fresh:
  fresh := TRUE;
kill_swap:
  if (first # Null) { kfound := 1 };
  first := Closed;
kill_used:
  skip;
kill_remove_load:
  kseen := count;
  if (~live \/ count < 0 \/ (count = 0 /\ Fix = "passed")) { goto kill_count };
kill_remove_cas:
  if (count = kseen /\ live) { live := FALSE } else { goto kill_remove_load };
kill_count:
  leaving := leaving + (1 - kfound) + Notify + Handles - Open;
  left(kmine);
  if (~Tells(leaving)) { goto kill_peek };
kill_notify:
  tell(kmine);
kill_peek:                              \* the kill has returned
  klate := live /\ count > 0;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"owner", "lookup"} \cup Killers

TypeOK ==
  /\ count \in Dead..2 /\ live \in BOOLEAN
  /\ first \in {Null, Slot, Closed} /\ next \in {Null, Slot}
  /\ leaving \in -20..Open + 20 /\ handles \in 0..1 /\ fresh \in BOOLEAN
  /\ closed \in BOOLEAN /\ drained \in BOOLEAN
  /\ released \in 0..1 /\ told \in 0..1 /\ freed \in 0..1

ReleasedOnce == released <= 1

FreedOnce == freed <= 1

\* Told once, when the object is gone.
ToldOnce == told <= 1 /\ (told > 0 => released = 1)

\* When the kill has returned, nothing is found.
NoGetAfterKill == \A t \in Killers : ~klate[t]

\* Nobody is about to touch memory that is gone.
NoUseAfterFree == freed > 0 => \A t \in Threads : pc[t] = "Done"

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => released = 1 /\ told = Cardinality(Killers) /\ freed = 1 - told

\* Witnesses: these must fail.
NeverRevived == pc["lookup"] # "look_owe"
NeverSettled == pc["owner"] # "own_settle"
\* A reference to what is not to be found any more, which is given back.
NeverUnmeant == ~(pc["lookup"] = "look_put" /\ ~live)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {0, 1, 99} /\ released' \in {0, 2} /\ freed' \in {0, 2} /\ told' \in {0, 2}
  /\ UNCHANGED <<pc, live, first, next, leaving, handles, fresh, closed, drained>>
  /\ UNCHANGED <<oplive, ohead, omine, lplive, lhead, lmine, found, kfound, kseen, kmine, klate>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
