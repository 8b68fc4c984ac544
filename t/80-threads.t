# ithreads started with live objects: a thread's copies are of no use, its own objects work, and the originals go on.

use strict;
use warnings;

use Config;
use Test::More;

BEGIN { plan skip_all => 'this perl has no threads' if not $Config{useithreads} }

use threads;

use Mail::Wire::Sink;
use Net::LMTP;
use Net::QMTP;

my %sink = map { $_ => Mail::Wire::Sink->new(protocol => $_) } qw(lmtp qmtp);
my %port = map { $_ => $sink{$_}->port } keys %sink;

sub lmtp { Net::LMTP->new('127.0.0.1', $port{lmtp}, Hello => 'client.example') or die $@ }

sub deliver_by {
    my ($lmtp) = @_;
    return $lmtp->mail('a@x') && $lmtp->to('b@x') && $lmtp->data("x\n");
}

my $lmtp = lmtp();
my $qmtp = Net::QMTP->new('127.0.0.1', Port => $port{qmtp}) or die $@;
my $blessed_elsewhere = bless \*STDIN, 'Net::LMTP';
is($blessed_elsewhere->code, 421, 'an object that was blessed elsewhere');
$lmtp->mail('a@x');

my ($refused, $own) = @{ threads->create(sub {
    my $used = eval { $lmtp->code; 1 };
    my $error = $@;
    return [ !$used && $error =~ /another thread/ ? 1 : 0, deliver_by(lmtp()) ? 1 : 0 ];
})->join };
ok($refused, "a thread's copy says that it is of no use");
ok($own, "... its own object works");
ok($lmtp->to('b@x') && $lmtp->data("y\n"), 'the original goes on where it was');
ok(deliver_by($lmtp), '... and on');

$qmtp->sender('a@x');
$qmtp->recipient('b@x');
$qmtp->message("z\n");
like($qmtp->send->{'b@x'}, qr/^success/, 'so does a QMTP session');
is(scalar(my @got = $sink{lmtp}->messages), 3, 'each message came once');

done_testing;
