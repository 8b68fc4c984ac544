package Sweep::Pool;

# Many runs at the same time: those that wait in many processes, as they cost little else.
#
#   Sweep::Pool::work(\@runs, sub { my ($run, $outcome) = @_; ... });

use strict;
use warnings;

use Errno qw(EINTR);
use IO::Select;
use POSIX ();
use ServerProcess ();
use Sweep::Peer;
use Sweep::Run;
use Storable qw(nfreeze thaw);

# Working and waiting processes; seconds after which a process that says nothing is taken for one that hangs.
use constant { BUSY => 3, WAITING => 40, HANG => 60 };

# A wait that was too short on a busy machine is no fault of the library: what is wrong must be so with long ones, too.
use constant LONGER => 10;

sub work {
    my ($runs, $report) = @_;
    my %share = share_out(@$runs);
    my $select = IO::Select->new;
    my %worker;
    for my $share (values %share) {
        my $worker = start(@$share);
        $worker{ fileno $worker->{handle} } = $worker;
        $select->add($worker->{handle});
    }
    while ($select->count) {
        for my $handle ($select->can_read) {
            my $worker = $worker{ fileno $handle };
            next if listen_to($worker, $report);
            $select->remove($handle);
            bury($worker, $report);
        }
    }
    return;
}

# Each process has every so-many-th of its kind.
sub share_out {
    my (%share, %n);
    for my $run (@_) {
        my $kind = $run->{fault}{waits} ? 'waiting' : 'busy';
        my $nth = $n{$kind}++ % ($kind eq 'busy' ? BUSY : WAITING);
        push @{ $share{"$kind $nth"} }, $run;
    }
    return %share;
}

sub start {
    my (@runs) = @_;
    pipe my $handle, my $out or die "pipe: $!";
    my $pid = fork;
    defined $pid or die "fork: $!";
    if (!$pid) {
        close $handle;
        eval { do_all($out, @runs); 1 } or print STDERR "worker: $@";
        POSIX::_exit(0);
    }
    close $out;
    return { pid => $pid, handle => $handle, runs => \@runs, next => 0, bytes => '' };
}

sub do_all {
    my ($out, @runs) = @_;
    my %peer = map { $_ => Sweep::Peer->new($_) } keys %{ { map { $_->{mode}{protocol} => 1 } @runs } };
    # The default action, not a handler: that would not run inside C code.
    $SIG{ALRM} = 'DEFAULT';
    $SIG{PIPE} = 'IGNORE';
    for my $run (@runs) {
        alarm HANG;
        ServerProcess::put_frame($out, outcome_of($peer{ $run->{mode}{protocol} }, $run));
    }
    alarm 0;
    $_->stop for values %peer;
    return;
}

sub outcome_of {
    my ($peer, $run) = @_;
    my $outcome = Sweep::Run::once($peer, $run);
    return $outcome if !@{ $outcome->{problems} } or !$run->{fault}{waits};
    my $again = Sweep::Run::once($peer, { %$run, timeout => LONGER * $run->{timeout} });
    return { %$again, again => 1 };
}

# False when it has ended.
sub listen_to {
    my ($worker, $report) = @_;
    my $got = sysread $worker->{handle}, $worker->{bytes}, 65536, length $worker->{bytes};
    return 1 if !defined $got && $! == EINTR;
    while (length $worker->{bytes} >= 4) {
        my $size = unpack 'N', $worker->{bytes};
        last if length $worker->{bytes} < 4 + $size;
        my $outcome = thaw(substr substr($worker->{bytes}, 0, 4 + $size, ''), 4);
        $report->($worker->{runs}[ $worker->{next}++ ], $outcome);
    }
    return $got;
}

sub bury {
    my ($worker, $report) = @_;
    1 while waitpid($worker->{pid}, 0) < 0 && $! == EINTR;
    my $run = $worker->{runs}[ $worker->{next} ] or return;
    my $left = @{ $worker->{runs} } - $worker->{next};
    my $why = $? ? "died of signal $?" : 'ended';
    $report->($run, { problems => ["the client's process $why, $left runs were left: a hang, or worse"], count => {}, open => 0, seconds => HANG });
    return;
}

1;
