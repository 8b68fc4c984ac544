package Bench::Worker;

# What every Perl program that is measured shares: the mail it sends, and how it measures itself.

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes ();

our @EXPORT_OK = qw(FROM TO LINE content measure);

use constant {
    FROM => 'sender@example.org',
    TO   => 'recipient@example.org',
    LINE => 73,
};

# Text of this many bytes in lines of LINE bytes, as mail comes from a file: ended by LF.
sub content {
    my ($size) = @_;
    my $line = substr(join('', 'a' .. 'z') x 3, 0, LINE - 1) . "\n";
    my $text = $line x int($size / LINE);
    my $rest = $size - length $text;
    return $rest ? $text . 'x' x ($rest - 1) . "\n" : $text;
}

# Runs the code, and prints what it took for the given number of units. The start's memory is what the
# process has when the code begins, its message included.
sub measure {
    my ($count, $code) = @_;
    reset_peak();
    my ($start) = memory();
    my $wall    = Time::HiRes::time();
    my $cpu     = cpu();
    $code->();
    $cpu  = cpu() - $cpu;
    $wall = Time::HiRes::time() - $wall;
    my ($resident, $peak) = memory();
    printf "count=%s seconds=%.6f cpu=%.6f before_kb=%d peak_kb=%d\n", $count, $wall, $cpu, $start,
        $peak > $resident ? $peak : $resident;
    return;
}

# Processor seconds of this process, in the finest grain there is.
sub cpu {
    my $precise = eval { Time::HiRes::clock_gettime(Time::HiRes::CLOCK_PROCESS_CPUTIME_ID()) };
    return $precise if defined $precise;
    my ($user, $system) = times;
    return $user + $system;
}

# proc(5): 5 sets the peak to what is resident now. Where that fails, the peak may be an older one.
sub reset_peak {
    open my $clear, '>', '/proc/self/clear_refs' or return;
    print {$clear} 5;
    close $clear;
    return;
}

# Resident memory now and at the most, in kilobytes; 0 where there is no /proc.
sub memory {
    open my $status, '<', '/proc/self/status' or return (0, 0);
    my %kb = map { /\A(VmRSS|VmHWM):\s+(\d+)/ ? ($1 => $2) : () } <$status>;
    return map { $_ || 0 } @kb{qw(VmRSS VmHWM)};
}

1;
