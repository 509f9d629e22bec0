/*
 * liburcu's readers, memb flavour, with its fast path inlined: the whole loop is here, so that no call from Rust
 * stands between two read locks. The header's inline functions are each under ten lines, which the LGPL lets any
 * program include; they are compiled in under _LGPL_SOURCE, and the rest is in the shared library.
 */
#define _LGPL_SOURCE
#include <stddef.h>
#include <stdint.h>
#include <urcu/urcu-memb.h>

struct value {
	uint64_t words[8];
};

/* As std::hint::black_box does it: through memory, unknown to the compiler afterwards. */
static inline uint64_t opaque(uint64_t number)
{
	__asm__ volatile("" : "+m"(number));
	return number;
}

static inline uint64_t read_one(struct value **places, size_t place)
{
	return opaque(rcu_dereference(places[opaque(place)])->words[0]);
}

/* Lock and unlock, nothing between. */
uint64_t graceref_urcu_lock(uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		urcu_memb_read_lock();
		urcu_memb_read_unlock();
	}
	return rounds;
}

/* Lock, load a pointer, read through it, unlock. */
uint64_t graceref_urcu_lock_load(struct value **places, size_t mask, uint64_t rounds)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		urcu_memb_read_lock();
		sum += read_one(places, i & mask);
		urcu_memb_read_unlock();
	}
	return sum;
}

/* One lock around all. */
uint64_t graceref_urcu_peek(struct value **places, size_t mask, uint64_t rounds)
{
	uint64_t sum = 0;

	urcu_memb_read_lock();
	for (uint64_t i = 0; i < rounds; i++)
		sum += read_one(places, i & mask);
	urcu_memb_read_unlock();
	return sum;
}

/* The library's own functions, called as a program that does not inline them would. */
#undef urcu_memb_read_lock
#undef urcu_memb_read_unlock
void urcu_memb_read_lock(void);
void urcu_memb_read_unlock(void);

uint64_t graceref_urcu_lock_called(uint64_t rounds)
{
	for (uint64_t i = 0; i < rounds; i++) {
		urcu_memb_read_lock();
		urcu_memb_read_unlock();
	}
	return rounds;
}

uint64_t graceref_urcu_lock_load_called(struct value **places, size_t mask, uint64_t rounds)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < rounds; i++) {
		urcu_memb_read_lock();
		sum += read_one(places, i & mask);
		urcu_memb_read_unlock();
	}
	return sum;
}

void graceref_urcu_register(void)
{
	urcu_memb_register_thread();
}

void graceref_urcu_unregister(void)
{
	urcu_memb_unregister_thread();
}
