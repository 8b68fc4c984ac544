package DeliveryTest;

# What the tests of deliveries share.
#
#   codes(@results)                 "250 550-rcpt 421? 450-connect": the stage if it is not the final one, "?" behind what may have been delivered
#   collected($client)              all that it has: "1 250; 2 250 550"
#   folder()                        this test's own
#   written($name, @texts)          a file there, with these bytes. Returns its path
#   in_time($name, sub { ... })     a test point: what is to end by itself did not take all of PATIENCE
#   in_child($end, sub { ... })     runs it in a child, which ends by 'exit' or '_exit'. Whether it was true, and the child ended well

use strict;
use warnings;

use Exporter qw(import);
use File::Temp ();
use POSIX ();
use Test::More;
use Time::HiRes ();

our @EXPORT = qw(codes collected folder written in_time in_child);

use constant PATIENCE => 45;    # seconds

sub codes {
    return join ' ', map { $_->code . ($_->maybe_delivered ? '?' : $_->stage eq 'final' ? '' : '-' . $_->stage) } @_;
}

sub collected {
    my ($client) = @_;
    my @list;
    while (my $delivery = $client->collect) { push @list, $delivery->id . ' ' . codes($delivery->results) }
    return join '; ', @list;
}

my $folder;

sub folder {
    $folder ||= File::Temp->newdir;
    return "$folder";
}

sub written {
    my ($name, @texts) = @_;
    my $path = folder() . "/$name";
    open my $fh, '>:raw', $path or die "$path: $!";
    print {$fh} @texts or die "$path: $!";
    close $fh or die "$path: $!";
    return $path;
}

sub in_time {
    my ($name, $code) = @_;
    my $start = Time::HiRes::time();
    $code->();
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    return cmp_ok(Time::HiRes::time() - $start, '<', PATIENCE, "$name: in time");
}

sub in_child {
    my ($end, $code) = @_;
    defined(my $pid = fork) or die "fork: $!";
    if (!$pid) {
        my $status = eval { $code->() } ? 0 : 1;
        POSIX::_exit($status) if $end eq '_exit';
        Test::More->builder->no_ending(1);
        exit $status;
    }
    waitpid $pid, 0;
    return $? == 0;
}

1;
