/* Sets the clock and tells the kernel that it is synchronised, as an NTP daemon does when its first answer has come.
 *
 * usage: set-clock MILLISECONDS BOUND_MICROSECONDS
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/timex.h>
#include <time.h>

int main(int count, char **words)
{
    if (count != 3) {
        fprintf(stderr, "usage: set-clock MILLISECONDS BOUND_MICROSECONDS\n");
        return 64;
    }
    long long now = strtoll(words[1], NULL, 10);
    struct timespec time = {.tv_sec = now / 1000, .tv_nsec = now % 1000 * 1000000};
    if (clock_settime(CLOCK_REALTIME, &time) != 0) {
        perror("clock_settime");
        return 1;
    }
    struct timex state = {.modes = ADJ_STATUS | ADJ_MAXERROR | ADJ_ESTERROR, .status = STA_PLL};
    state.maxerror = state.esterror = strtol(words[2], NULL, 10);
    if (adjtimex(&state) == -1) {
        perror("adjtimex");
        return 1;
    }
    return 0;
}
