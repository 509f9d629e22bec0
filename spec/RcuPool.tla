---------------------------- MODULE RcuPool ----------------------------
(* A pool whose readers look at objects by their keys and count nothing.

   Each holder drops a reference. The last put makes the word dead and pushes
   the slot to the pending list. Whoever takes the list asks whether a grace
   period has passed since; if so it drops the object, gives the slot back,
   and puts the second object there. If not, it leaves the list to somebody
   else, who is not in this module.

     1  reader: enters; the word says alive, and of this key
     2  holder: the last put; drops the object
     3  reader: uses what is gone

     1  holder: the second object, in the slot of the first
     2  reader: by the first one's key: the word says alive

   Fix: "grace"    what the code does
        "nograce"  drops at once
        "anygen"   a peek does not look at the generation

   Code: impl/graceref/src/rcu_pool.rs, impl/graceref/src/pool/deferral.rs,
         impl/graceref/src/slots/pending.rs, impl/graceref/src/count/cas.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Readers, Holders

ASSUME Fix \in {"grace", "nograce", "anygen"}
ASSUME Readers \subseteq {"reader", "reader2"}
ASSUME Holders \subseteq {"holder", "holder2"}

Slot == 1
Null == 0
Out  == 0

\* As in Rcu.tla: periods is Period * (periods that are over) + phase.
Begins == 1
Opened == 2
Period == 4

Phase(p) == p % Period
Stamp(p) == p \div Period + 2
Due(p)   == IF Phase(p) = 0 THEN p + Period ELSE p - Phase(p) + 2 * Period

Blocks(stamp, p) == stamp # Out /\ stamp < Stamp(p)

\* The readers in the order of their records.
Nth(n) == IF n = 1 THEN "reader" ELSE "reader2"

\* The first is after the first object, the second after the second.
Wanted(r) == IF r = "reader" THEN 1 ELSE 2

(*
--algorithm RcuPool {
variables
  count   = Cardinality(Holders);       \* the slot's word: references,
  gen     = 1;                          \* and which object
  free    = [tag |-> 0, first |-> Null];
  next    = Null;                       \* the slot's link
  pending = Null;                       \* the first slot of the list
  counter = 1;                          \* the domain's
  periods = 0;
  state   = [r \in Readers |-> Out];
  \* ghosts
  object   = 1;                         \* which object the slot holds, or held last
  released = [o \in 1..2 |-> 0];

fair process (read \in Readers)
variables stamp = 0; mine = 0;
{
read_count:
  stamp := counter;
read_enter:
  state[self] := stamp;
read_peek:
  if (count > 0 /\ (gen = Wanted(self) \/ Fix = "anygen")) { mine := object }
  else { goto read_leave };
read_use:
  skip;
read_leave:
  state[self] := Out;
read_hint:                              \* whether deferred work waits: never, here
  skip;
}

fair process (hold \in Holders)
variables head = Null; tag = 0; link = Null; list = Null; due = 0; now = 0; nth = 0;
{
hold_put:
  count := count - 1;
  if (count # 0) { goto hold_pend_look };
hold_pend_head:
  head := pending;
hold_pend_next:
  next := head;
hold_pend_push:                         \* nobody else has a slot to push
  pending := Slot;
hold_pend_look:
  head := pending;
  if (pending = Null) { goto Done };
hold_pend_take:
  if (pending = head) { pending := Null; list := head }
  else { goto hold_pend_look };
hold_snapshot:
  due := Due(periods);
  if (Fix = "nograce") { goto hold_walk };
hold_period:
  now := periods;
  if (now >= due) { goto hold_walk }
  else { if (Phase(now) = Opened) { goto hold_head } };
hold_begin:                             \* nobody else asks
  periods := now + Begins;
hold_bump:
  counter := Stamp(now);
hold_open:
  periods := now + Opened;
  goto hold_period;
hold_head:
  nth := 1;
hold_look:
  if (Blocks(state[Nth(nth)], now)) { goto Done };
hold_next:
  if (nth < Cardinality(Readers)) { nth := nth + 1; goto hold_look };
hold_end:
  periods := now - Opened + Period;
  goto hold_period;
hold_walk:
  list := next;
hold_release:
  released[object] := released[object] + 1;
hold_free_head:
  head := free.first;
  tag  := free.tag;
hold_free_next:
  next := head;
hold_free_push:
  if (free = [tag |-> tag, first |-> head]) { free := [tag |-> tag, first |-> Slot] }
  else { goto hold_free_head };
hold_alloc_head:
  head := free.first;
  tag  := free.tag;
hold_alloc_next:
  link := next;
hold_alloc_pop:
  if (free = [tag |-> tag, first |-> head]) { free := [tag |-> tag + 1, first |-> link] }
  else { goto hold_alloc_head };
hold_write:
  skip;
hold_init:
  count  := 1;
  gen    := gen + 1;
  object := object + 1;
hold_killed:                            \* nobody kills this pool
  skip;
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == Readers \cup Holders

Inside == {r \in Readers : state[r] # Out}

Uses(r) == pc[r] = "read_use"

\* Whoever has the slot to itself.
Owners ==
  {h \in Holders : pc[h] \in
    {"hold_pend_head", "hold_pend_next", "hold_pend_push", "hold_snapshot", "hold_period", "hold_begin",
     "hold_bump", "hold_open", "hold_head", "hold_look", "hold_next", "hold_end", "hold_walk", "hold_release",
     "hold_free_head", "hold_free_next", "hold_free_push", "hold_write", "hold_init"}}

Is(condition) == IF condition THEN 1 ELSE 0

TypeOK ==
  /\ count \in 0..2 /\ gen \in 1..2 /\ object \in 1..2
  /\ free.tag \in 0..1 /\ free.first \in {Null, Slot} /\ next \in {Null, Slot}
  /\ pending \in {Null, Slot}
  /\ counter \in 1..3 /\ periods \in 0..8 /\ state \in [Readers -> 0..3]
  /\ released \in [1..2 -> 0..2]

CountIsRefs == count = Cardinality({h \in Holders : pc[h] = "hold_put"}) + Is(object = 2)

\* The slot is an object's, or in one of the lists, or one thread's.
NoSharedFree ==
  Is(count > 0) + Is(free.first = Slot) + Is(pending = Slot) + Cardinality(Owners) <= 1

ReleasedOnce == \A o \in 1..2 : released[o] <= 1

\* Whoever is about to drop an object has nobody inside who has found it.
GracePeriod ==
  \A h \in Holders : pc[h] \in {"hold_walk", "hold_release"} => \A r \in Readers : ~Uses(r) \/ mine[r] # object

\* A key finds the object that it is the key of, and no other.
NoAlias == \A r \in Readers : Uses(r) => mine[r] = Wanted(r)

\* What was found is there while it is used.
NoUseAfterFree == \A r \in Readers : Uses(r) => object = mine[r] /\ released[mine[r]] = 0

NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => Inside = {} /\ pending = Null /\ (object = 2) = (released[1] = 1) /\ released[2] = 0

\* Witnesses: these must fail.
NeverHeldBack == ~\E h \in Holders, r \in Readers : pc[h] = "hold_look" /\ Blocks(state[r], now[h])
NeverLate     == ~\E h \in Holders, r \in Readers : pc[h] = "hold_release" /\ state[r] # Out
NeverDead     == ~\E r \in Readers : Uses(r) /\ count = 0
NeverStale    == ~\E r \in Readers : pc[r] = "read_leave" /\ mine[r] = 0 /\ count > 0
NeverReused   == object = 1

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {0, 1, 9} /\ free' = [free EXCEPT !.first = Slot] /\ mine' \in [Readers -> {0, 2}]
  /\ released' \in {released, [o \in 1..2 |-> 2]}
  /\ pc' \in {pc, [pc EXCEPT !["reader"] = "read_use"], [pc EXCEPT !["holder"] = "hold_walk"],
              [pc EXCEPT !["reader"] = "read_use", !["holder"] = "hold_walk"]}
  /\ pending' \in {Null, Slot} /\ object' \in {1, 2}
  /\ UNCHANGED <<gen, next, counter, periods, state, stamp, head, tag, link, list, due, now, nth>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
