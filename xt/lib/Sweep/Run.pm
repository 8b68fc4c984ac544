package Sweep::Run;

# One session with one fault: run it, judge it.
#
#   my $outcome = Sweep::Run::once($peer, $run);     # run: { mode, fault (with side and at), greeting, timeout }
#
# outcome: { problems => [...], count => {...}, open, seconds }

use strict;
use warnings;

use Socket qw(SOL_SOCKET SO_SNDBUF);
use Sweep::Judge;
use Sweep::LMTPClient;
use Sweep::QMTPClient;
use Sweep::Truth;
use Time::HiRes qw(time);

my %client = (lmtp => 'Sweep::LMTPClient', qmtp => 'Sweep::QMTPClient');

use constant HANG => 20;    # seconds

sub once {
    my ($peer, $run) = @_;
    my $start = time;
    my ($told, @sessions) = observe($peer, $run);
    my $seconds = time - $start;
    my $truth = Sweep::Truth->new($run->{mode}, $run->{fault}, @sessions);
    my ($problems, $count) = $told ? Sweep::Judge::judge($truth, $told) : not_connected($run, $truth);
    push @$problems, sprintf 'it took %.1f seconds', $seconds if $seconds > HANG;
    push @$problems, after_it($run, $truth, $told) if $told;
    return { problems => $problems, count => $count, open => $told ? $told->{open} : 0, seconds => $seconds };
}

sub observe {
    my ($peer, $run) = @_;
    my ($mode, $fault) = @{$run}{qw(mode fault)};
    $peer->next({ keywords => $mode->{keywords}, fault => {%$fault} });
    my $client = $client{ $mode->{protocol} }->new($mode, $peer->port, $run->{timeout}, $run->{greeting});
    hold_back($client->fileno) if $client and $mode->{offsets};
    my $told = $client ? $client->run : undef;
    if ($told) {
        $client->probe($told);
        $told->{probed} = 1;
    }
    undef $client;
    return ($told, $peer->truth);
}

# The system takes little of a large message.
sub hold_back {
    my ($fd) = @_;
    return if !defined $fd;
    open my $handle, '+<&', $fd or return;
    setsockopt $handle, SOL_SOCKET, SO_SNDBUF, pack 'i', 4096;
    return;
}

# Only a fault in the greeting or in the reply to LHLO keeps it from connecting.
sub not_connected {
    my ($run, $truth) = @_;
    my @problems;
    push @problems, 'not connected, and no reason' if !defined $@ or $@ eq '';
    push @problems, "not connected: $@" if !$run->{greeting} or $run->{fault}{exact};
    return (\@problems, { 'not connected' => 1 });
}

# The link is closed, or it works.
sub after_it {
    my ($run, $truth, $told) = @_;
    my ($mode, $fault) = @{$run}{qw(mode fault)};
    my ($probe) = @{ $told->{results}{m9} || [] };
    my $works = $probe && $probe->is_success;
    return 'it does not work in the end' if !$works and $fault->{exact};
    return 'a link that was closed was not replaced' if !$works and $mode->{protocol} eq 'qmtp' and !$told->{open};
    # A script that goes on by hand may be told lies in the wrong places; it finds the link of no use when it begins a message.
    return 'a message was lost, and the link is neither closed nor of any use'
        if $told->{lost} and $told->{open} and !$works and !($fault->{lies} and $mode->{style} =~ /sync|bdat/);
    return 'a success over a closed link' if $works and $mode->{protocol} eq 'lmtp' and !$told->{open};
    return;
}

1;
