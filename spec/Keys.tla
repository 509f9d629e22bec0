---------------------------- MODULE Keys ----------------------------
(* A pool of one slot, a key to its first object, and whoever still has it.

   The driver drops an object and puts the next into the same slot, again and
   again. The slot's word is a count, a generation that says which object it
   counts, and a flag that an object which was removed has lost. A lookup by
   the first object's key may come at any time.

     1  driver: the last put of object 1; the slot goes back; object 2 in it
     2  lookup: its key says slot 1, which is alive: a reference to object 2

   So the lookup's compare-exchange has the generation in it. With a dead-zone
   count the lookup looks, and then adds: the generation that the add finds may
   be another one, and then the reference is given back, be it the last.
   Generations come
   to an end: a slot that has had as many objects as it may is retired.

     1  driver: generations 1, 2, ... 7, 0, 1
     2  lookup: the key of generation 1 finds the ninth object

   Fix: "generation"  what the code does
        "none"        the lookup does not look at the generation
        "wrap"        generations wrap, and no slot is retired
        "no_recheck"  a lookup with a dead-zone count looks before its add only

   Code: impl/graceref/src/count/word.rs, impl/graceref/src/count/cas.rs,
         impl/graceref/src/count/file_ref.rs, impl/graceref/src/pool/mod.rs,
         impl/graceref/src/pool/keyed.rs, impl/graceref/src/slots/mod.rs *)
EXTENDS Integers, FiniteSets

CONSTANTS Fix, Count, Removers

ASSUME Fix \in {"generation", "none", "wrap", "no_recheck"}
\* Compare-exchange, or the dead zone.
ASSUME Count \in {"cas", "file_ref"}
ASSUME Removers \subseteq {"remover"}
\* Who has removed what is not told from a lookup that straggles; Straggle has both.
ASSUME Count = "file_ref" => Removers = {}

Dead      == -8
\* As in Straggle.
Straggler == 16
Open      == 512

Slot    == 1
Null    == 0
Modulus == 8        \* the code's 2^31
Most    == 2        \* so many objects in a slot, of Modulus - 2 at most
Last    == Modulus + 1

(*
--algorithm Keys {
variables
  count    = 1;                         \* the slot's word: references,
  gen      = 1;                         \* which object,
  live     = TRUE;                      \* and whether it may be found
  free     = [tag |-> 0, first |-> Null];
  next     = Null;                      \* the slot's link
  leaving  = IF Count = "cas" THEN 0 ELSE Open;         \* minus the slots retired; stragglers
  \* ghosts
  object   = 1;                         \* which object the slot holds, or held last
  removed  = FALSE;                     \* the first one's key
  released = [o \in 1..Last |-> 0];

define {
  Spent == Fix # "wrap" /\ gen >= Most
  Meant == Fix = "none" \/ gen = 1
}

macro release() {
  released[object] := released[object] + 1;
}

fair process (driver \in {"driver"})
variables dpgen = 0; dhead = Null; dtag = 0; dnext = Null;
{
drv_put:
  count := count - 1;
  if (count # 0) { if (object = Last) { goto Done } else { goto drv_alloc_head } }
  else { if (Count = "cas") { goto drv_release } else { dpgen := gen } };
drv_kill:
  if (count = 0 /\ gen = dpgen) { count := Dead; goto drv_release };
drv_settle:
  leaving := leaving - Straggler;
  if (object = Last) { goto Done } else { goto drv_alloc_head };
drv_release:
  release();
  if (Spent) { goto drv_free_leave };
drv_free_head:
  dhead := free.first;
  dtag  := free.tag;
drv_free_next:
  next := dhead;
drv_free_push:
  if (free = [tag |-> dtag, first |-> dhead]) {
    free := [tag |-> dtag, first |-> Slot];
    if (object = Last) { goto Done } else { goto drv_alloc_head }
  } else { goto drv_free_head };
drv_free_leave:
  leaving := leaving - 1;
drv_alloc_head:
  dhead := free.first;
  dtag  := free.tag;
  if (dhead # Null) { goto drv_alloc_next };
drv_alloc_fresh:
  goto Done;                            \* retired, or the lookup's: the pool is full
drv_alloc_next:
  dnext := next;
drv_alloc_pop:
  if (free = [tag |-> dtag, first |-> dhead]) { free := [tag |-> dtag + 1, first |-> dnext] }
  else { goto drv_alloc_head };
drv_write:
  skip;
drv_init:
  count  := 1;
  gen    := (gen + 1) % Modulus;
  live   := TRUE;
  object := object + 1;
drv_killed:                             \* nobody kills this pool
  goto drv_put;
}

\* By the key of the first object.
fair process (lookup \in {"lookup"})
variables seen = 0; sgen = 0; mine = 0; late = FALSE; lpgen = 0; lhead = Null; ltag = 0;
{
look_get_load:
  seen := count;
  sgen := gen;
  if (~Meant \/ ~live \/ count < 1) { goto Done }
  else { if (Count = "file_ref") { goto look_get } };
look_get_cas:
  if (count = seen /\ gen = sgen /\ live) {
    count := seen + 1;
    mine  := object;
    late  := removed;
    goto look_use
  } else { goto look_get_load };
look_get:
  count := count + 1;
  if (count < 1) { goto Done }
  else { if (count # 1) {
    if (Meant \/ Fix = "no_recheck") { mine := object; goto look_use } else { goto look_put }
  } };
look_owe:                               \* the only reference: another put had left none
  leaving := leaving + Straggler;
  if (Meant \/ Fix = "no_recheck") { mine := object } else { goto look_put };
look_use:
  skip;
look_put:
  count := count - 1;
  if (count # 0) { goto Done }
  else { if (Count = "cas") { goto look_release } else { lpgen := gen } };
look_kill:
  if (count = 0 /\ gen = lpgen) { count := Dead; goto look_release };
look_settle:
  leaving := leaving - Straggler;
  goto Done;
look_release:
  release();
  if (Spent) { goto look_free_leave };
look_free_head:
  lhead := free.first;
  ltag  := free.tag;
look_free_next:
  next := lhead;
look_free_push:
  if (free = [tag |-> ltag, first |-> lhead]) { free := [tag |-> ltag, first |-> Slot]; goto Done }
  else { goto look_free_head };
look_free_leave:
  leaving := leaving - 1;
}

\* Removes the first object, by its key.
fair process (remover \in Removers)
variables rseen = 0; rsgen = 0;
{
rem_remove_load:
  rseen := count;
  rsgen := gen;
  if (gen # 1 \/ ~live \/ count = 0) { goto Done };
rem_remove_cas:
  if (count = rseen /\ gen = rsgen /\ live) { live := FALSE; removed := TRUE }
  else { goto rem_remove_load };
}
}
*)
\* BEGIN TRANSLATION
\* END TRANSLATION

-----------------------------------------------------------------------------
Threads == {"driver", "lookup"}

Holders ==
  {t \in Threads : pc[t] \in {"drv_put", "drv_killed", "look_owe", "look_use", "look_put"}}

TypeOK ==
  /\ count \in {Dead, Dead + 1} \cup 0..2 /\ gen \in 0..Modulus - 1 /\ live \in BOOLEAN
  /\ free.tag \in 0..Last /\ free.first \in {Null, Slot} /\ next \in {Null, Slot}
  /\ leaving \in {0, Open} \/ leaving + 1 \in {0, Open} \/ leaving \in Open - Straggler - 1..Open + Straggler
  /\ object \in 1..Last /\ removed \in BOOLEAN /\ released \in [1..Last -> 0..2]

CountIsRefs == (IF count < 0 THEN 0 ELSE count) = Cardinality(Holders)

ReleasedOnce == \A o \in 1..Last : released[o] <= 1

\* A key finds the object that it is the key of, and no other.
NoAlias == pc["lookup"] = "look_use" => mine["lookup"] = 1

\* What was found is alive while it is used.
NoUseAfterFree ==
  pc["lookup"] = "look_use" => object = mine["lookup"] /\ released[mine["lookup"]] = 0

\* A key that was removed finds nothing.
NoGetAfterRemove == ~late["lookup"]

\* A slot is in the free list, or retired, or somebody's.
NothingLeft ==
  (\A t \in Threads : pc[t] = "Done")
    => count <= 0 /\ released[object] = 1 /\ (free.first = Slot) = (leaving \in {0, Open})

\* Witnesses: these must fail.
NeverStale   == ~(pc["lookup"] = "Done" /\ sgen["lookup"] # 1)
NeverRetired == leaving \notin {-1, Open - 1}
NeverOther   == ~(pc["lookup"] = "look_release" /\ object # 1)
NeverRemoved == ~(pc["lookup"] = "Done" /\ removed /\ object = 1 /\ count > 0)

\* Somebody scribbles over the state: every invariant must notice, else it says nothing.
Scribble ==
  /\ count' \in {0, 1, 9} /\ object' \in {1, 2} /\ mine' \in [{"lookup"} -> {0, 2}]
  /\ late' \in [{"lookup"} -> BOOLEAN] /\ leaving' \in {0, -1, 9}
  /\ released' \in {[o \in 1..Last |-> 0], [o \in 1..Last |-> 2]}
  /\ UNCHANGED <<pc, gen, live, free, next, removed, dpgen, dhead, dtag, dnext, seen, sgen, lpgen, lhead, ltag>>
  /\ UNCHANGED <<rseen, rsgen>>
SpecScribbled == Init /\ [][Next \/ Scribble]_vars
=============================================================================
