---------------------------- MODULE Kill ----------------------------
(* A pool is killed while it has handles, references and inserts on their way.

   Whoever kills it marks it, closes the run of slots never used and the free
   list, and goes through the slots ever used: no object may be found any
   more. Then the slots that are out are counted, and two marks are put on the
   sum: there are handles, and somebody is to be told. Whoever brings the slots
   to zero tells, and takes the second mark off; the last handle takes the
   first one off. The memory goes when nothing is left of the sum.

   An insert that had its slot before the run was closed goes on, and makes an
   object that the killer may have missed. So it looks afterwards whether the
   pool is killed.

     1  inserter: has a slot, nothing in it yet
     2  killer: marks, closes, goes through the slots: nothing there; returns
     3  inserter: its object is there, and is found in a killed pool

   Between that and the insert's own look the object may be found: the kill
   has not waited for the insert. When both have returned nothing is found.

   Whoever drops the last handle must not tell: a release that is about to may
   be between the last slot and its mark.

     1  holder: the last slot: it is to tell
     2  killer: drops the last handle: no slot is out, and the mark is there
     3  killer: takes the mark off, and frees the memory
     4  holder: takes the mark off memory that is gone

   Fix: "recheck"      what the code does
        "no_recheck"   an insert does not look whether the pool was killed
        "close_tells"  whoever drops the last handle tells as well

   Code: impl/graceref/src/slots/close.rs, impl/graceref/src/slots/fresh.rs,
         impl/graceref/src/slots/shared.rs, impl/graceref/src/pool/keyed.rs,
         impl/graceref/src/pool/vacant.rs, impl/graceref/src/count/cas.rs *)
EXTENDS Integers

CONSTANTS Fix, Other

ASSUME Fix \in {"recheck", "no_recheck", "close_tells"}
\* Who is there besides the killer.
ASSUME Other \in {"holder", "inserter"}

\* One slot: a holder's from the beginning, or never used.
Slot    == 1
Null    == 0
Closed  == -1
\* The marks; the code's are far from any number of slots.
Notify  == 10
Handles == 20

(*
--algorithm Kill {
variables
  count    = IF Other = "holder" THEN 1 ELSE 0;         \* the slot's word: references,
  gen      = IF Other = "holder" THEN 1 ELSE 0;         \* which object,
  live     = (Other = "holder");                        \* and whether it may be found
  next     = Null;                      \* the slot's link
  first    = Null;                      \* the free list's head
  used     = IF Other = "holder" THEN 1 ELSE 0;         \* slots ever used,
  fresh    = FALSE;                     \* and whether the run is closed
  closed   = FALSE;
  drained  = FALSE;                     \* whether there is somebody to be told
  leaving  = 0;
  handles  = IF Other = "holder" THEN 1 ELSE 2;
  returned = FALSE;                     \* the kill has, and the killer says so
  \* ghosts
  released = 0;
  told     = 0;
  freed    = 0;

define {
  Tells(sum) == sum \in {Notify, Notify + Handles}
}

\* What follows from the sum when a slot was taken off it.
macro left(mine) {
  if (Tells(leaving)) { mine := drained; drained := FALSE }
  else { if (leaving = 0) { freed := freed + 1 } };
}

macro tell(mine) {
  leaving := leaving - Notify;
  if (leaving = 0) { freed := freed + 1 };
  if (mine) { told := told + 1 };
}

fair process (killer \in {"killer"})
variables found = 0; kseen = 0; ksgen = 0; kmine = FALSE; klate = FALSE;
{
kill_claim:
  closed  := TRUE;
  drained := TRUE;
kill_fresh:
  fresh := TRUE;
kill_swap:
  found := IF first = Null THEN 0 ELSE 1;
  first := Closed;
kill_used:
  if (used = 0) { goto kill_count };
kill_remove_load:
  kseen := count;
  ksgen := gen;
  if (~live \/ count = 0) { goto kill_count };
kill_remove_cas:
  if (count = kseen /\ gen = ksgen /\ live) { live := FALSE } else { goto kill_remove_load };
kill_count:
  leaving := leaving + (used - found) + Notify + Handles;
  left(kmine);
  if (~Tells(leaving)) { goto kill_return };
kill_notify:
  tell(kmine);
kill_return:
  returned := TRUE;
  if (Other = "inserter") { goto close_put };
kill_peek:
  klate := (live /\ count > 0);
close_put:
  handles := handles - 1;
  if (handles # 0) { goto Done };
close_count:
  leaving := leaving - Handles;
  if (Fix = "close_tells") {
    left(kmine);
    if (~Tells(leaving)) { goto Done };
  } else {
    if (leaving = 0) { freed := freed + 1 };
    goto Done;
  };
close_notify:
  tell(kmine);
}

\* Drops the last reference.
fair process (holder \in IF Other = "holder" THEN {"holder"} ELSE {})
variables hhead = Null; hmine = FALSE;
{
hold_put:
  count := count - 1;
hold_release:
  released := released + 1;
hold_free_head:
  hhead := first;
  if (hhead = Closed) { goto hold_free_leave };
hold_free_next:
  next := hhead;
hold_free_push:
  if (first = hhead) { first := Slot; goto Done } else { goto hold_free_head };
hold_free_leave:
  leaving := leaving - 1;
  left(hmine);
  if (~Tells(leaving)) { goto Done };
hold_free_notify:
  tell(hmine);
}

\* Makes an object, and drops it and its handle.
fair process (inserter \in IF Other = "inserter" THEN {"inserter"} ELSE {})
variables ihead = Null; iseen = 0; isgen = 0; imine = FALSE; after = FALSE; ilate = FALSE;
{
ins_alloc_head:
  ihead := first;
  if (ihead = Closed) { goto ins_close_put };
ins_alloc_fresh:
  if (fresh) { goto ins_close_put };
ins_alloc_chunk:
  skip;
ins_alloc_grow:
  skip;
ins_alloc_bump:
  if (~fresh) { used := used + 1 } else { goto ins_alloc_fresh };
ins_alloc_prepare:
  skip;
ins_write:
  skip;
ins_init:
  count := 1;
  gen   := gen + 1;
  live  := TRUE;
  if (Fix = "no_recheck") { goto ins_look };
ins_killed:
  if (~closed) { goto ins_look };
ins_remove_load:
  iseen := count;
  isgen := gen;
  if (~live \/ count = 0) { goto ins_look };
ins_remove_cas:
  if (count = iseen /\ gen = isgen /\ live) { live := FALSE } else { goto ins_remove_load };
ins_look:
  after := returned;
  if (~after) { goto ins_put };
ins_peek:                               \* the insert and the kill have returned
  ilate := (live /\ count > 0);
ins_put:
  count := count - 1;
ins_release:
  released := released + 1;
ins_free_head:
  ihead := first;
  if (ihead = Closed) { goto ins_free_leave };
ins_free_next:
  next := ihead;
ins_free_push:
  if (first = ihead) { first := Slot; goto ins_close_put } else { goto ins_free_head };
ins_free_leave:
  leaving := leaving - 1;
  left(imine);
  if (~Tells(leaving)) { goto ins_close_put };
ins_free_notify:
  tell(imine);
ins_close_put:
  handles := handles - 1;
  if (handles # 0) { goto Done };
ins_close_count:
  leaving := leaving - Handles;
  if (Fix = "close_tells") {
    left(imine);
    if (~Tells(leaving)) { goto Done };
  } else {
    if (leaving = 0) { freed := freed + 1 };
    goto Done;
  };
ins_close_notify:
  tell(imine);
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"killer", Other}

\* Threads that have a slot.
Owners ==
  {t \in Threads : pc[t] \in
    {"hold_put", "hold_release", "hold_free_head", "hold_free_next", "hold_free_push", "hold_free_leave",
     "ins_alloc_prepare", "ins_write", "ins_init", "ins_killed", "ins_remove_load", "ins_remove_cas",
     "ins_look", "ins_peek", "ins_put", "ins_release",
     "ins_free_head", "ins_free_next", "ins_free_push", "ins_free_leave"}}

\* An insert whose object is there, and which has not returned.
Inserting == \E t \in Threads : pc[t] \in {"ins_killed", "ins_remove_load", "ins_remove_cas"}

TypeOK ==
  /\ count \in 0..1 /\ gen \in 0..1 /\ live \in BOOLEAN
  /\ next \in {Null, Slot} /\ first \in {Null, Slot, Closed}
  /\ used \in 0..1 /\ fresh \in BOOLEAN /\ closed \in BOOLEAN /\ drained \in BOOLEAN
  /\ leaving \in -1..Notify + Handles + 1 /\ handles \in 0..2 /\ returned \in BOOLEAN
  /\ released \in 0..1 /\ told \in 0..1 /\ freed \in 0..1

\* Told once, when every slot is back and what was in it destroyed.
ToldOnce == told <= 1 /\ (told > 0 => Owners = {} /\ released = gen)

ReleasedOnce == released <= 1

FreedOnce == freed <= 1

\* Nobody is about to touch memory that is gone.
NoUseAfterFree == freed > 0 => \A t \in Threads : pc[t] = "Done"

\* When the kill and the insert have returned, nothing can be found.
NoGetAfterKill ==
  /\ ~klate["killer"]
  /\ \A t \in Threads \cap {"inserter"} : ~ilate[t]
  /\ returned /\ ~Inserting => ~(live /\ count > 0)

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => told = 1 /\ freed = 1 /\ released = gen /\ count = 0 /\ leaving = 0

\* Witnesses: these must fail.
NeverToldByRelease == \A t \in Threads : pc[t] \notin {"hold_free_notify", "ins_free_notify"}
NeverToldByKiller  == pc["killer"] # "kill_notify"
NeverRefused       == ~(pc[Other] = "Done" /\ gen = 0)
NeverRemovesOwn    == ~(pc[Other] = "ins_remove_cas" /\ live)
NeverFoundLate     == ~(returned /\ live /\ count > 0)

\* Liveness.
Told == <>(told = 1 /\ freed = 1)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {count, 9} /\ freed' \in {freed, 2} /\ told' \in {told, 2}
  /\ released' \in {released, 2} /\ returned' \in {returned, TRUE}
  /\ UNCHANGED <<pc, gen, live, next, first, used, fresh, closed, drained, leaving, handles>>
  /\ UNCHANGED <<found, kseen, ksgen, kmine, klate, hhead, hmine>>
  /\ UNCHANGED <<ihead, iseen, isgen, imine, after, ilate>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars

\* Nobody promises to go on: every liveness property must fail.
SpecUnfair == Init /\ [][Next]_vars
=============================================================================
