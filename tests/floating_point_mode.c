// The calling thread's floating-point mode: rounding, and whether denormals are flushed. Without the flags that say what
// has happened.
#include <xmmintrin.h>

unsigned get_mode(void) { return _mm_getcsr() & ~0x3Fu; }
void set_mode(unsigned mode) { _mm_setcsr(mode); }
