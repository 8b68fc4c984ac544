# mailwire import into Dovecot: 20,000 messages of several formats over four links, killed three times and gone on by the journal; and a
# journal on a disk that is full.

use strict;
use warnings;

use lib qw(t/lib xt/lib);
use DovecotServer;
use Test::More;

BEGIN { DovecotServer->need }

use CommandTest;
use IO::Compress::Gzip ();

use constant { MESSAGES => 20_000, WINDOW => 200, WAIT => 600 };

my $server = DovecotServer->start(users => [ map {"user$_"} 0 .. 3 ]);
my ($url, $dir) = ($server->url, $server->dir);
my @paths = mailboxes();
my @import = ('import', $url, qw(-q --to-header Delivered-To --links 4 --window), WINDOW, '--journal', "$dir/journal", @paths);

foreach my $kill (1 .. 3) {
    my $size = -s "$dir/journal" || 0;
    my $pid = start({ wait => WAIT }, @import);
    ok(wait_for(sub { (-s "$dir/journal" || 0) > $size + 200_000 }, WAIT), "run $kill has begun");
    kill 'KILL', $pid;
    is((finish($pid))[0], -9, '... and is killed');
}
my ($code, $out, $err) = mailwire({ wait => WAIT }, @import);
my ($doubts) = $out =~ /^ +(\d+) in doubt/m;
$doubts ||= 0;
cmp_ok($doubts, '<=', 3 * WINDOW, "$doubts in doubt: at most a window for each kill");
my @named = $out =~ /^.* at \d+: <.*>: in doubt: .*$/mg;
is(scalar @named, $doubts, 'each of them is named');
is($code, $doubts ? 75 : 0, 'the exit code') or diag($err);
my %stored = stored();
is_deeply([ grep { $stored{$_} > 1 } keys %stored ], [], 'no message is twice in the store');
cmp_ok(keys %stored, '>=', MESSAGES - $doubts, 'each is in the store, or in doubt');
cmp_ok(keys %stored, '<=', MESSAGES, 'and none that was not sent');
my ($read) = $out =~ /^(\d+) messages read/m;
is($read, MESSAGES, 'all were read');
my ($sum) = (0);
$sum += $_ foreach $out =~ /^ +(\d+) /mg;
is($sum, MESSAGES, 'the numbers add up');

subtest 'a full disk' => sub {
    mkdir "$dir/small" or die $!;
    plan skip_all => 'no tmpfs can be mounted here' if system 'mount', '-t', 'tmpfs', '-o', 'size=400k', 'tmpfs', "$dir/small";
    my ($is, $said, $why) = mailwire({}, qw(import), $url, qw(-q --to user0@example.org --window 200 --journal), "$dir/small/journal", $paths[0]);
    is($is, 74, 'exit code 74');
    like($why, qr/cannot write the journal .*No space left/, '... says why');
    my ($sent) = $said =~ /^ +(\d+) success/m;
    my $known = () = read_file("$dir/small/journal") =~ /^R\t\d+\t0\tsuccess/mg;
    cmp_ok($sent, '>', 0, '... some were sent');
    is($known, $sent, '... and each answer is in the journal');
    system 'umount', "$dir/small";
};
done_testing;

sub mail {
    my ($n) = @_;
    my $to = 'user' . $n % 4;
    return "Return-Path: <a\@example.org>\nDelivered-To: $to\@example.org\nFrom: a\@example.org\nMessage-ID: <m$n\@x>\n\n"
        . "Text of $n\n" x (5 + $n % 40);
}

sub mbox { return join '', map { "From a\@example.org Thu Jan  1 00:00:00 2026\n" . mail($_) . "\n" } @_ }

sub mailboxes {
    my $third = int(MESSAGES / 3);
    my @paths = map {"$dir/$_"} qw(first.mbox second.mbox.gz maildir);
    write_file($paths[0], mbox(1 .. $third));
    my $text = mbox($third + 1 .. 2 * $third);
    IO::Compress::Gzip::gzip(\$text => $paths[1]) or die 'gzip';
    mkdir $_ or die "$_: $!" foreach $paths[2], map {"$paths[2]/$_"} qw(new cur tmp);
    write_file("$paths[2]/cur/$_.x:2,S", mail($_)) foreach 2 * $third + 1 .. MESSAGES;
    return @paths;
}

# How often each is there.
sub stored {
    my ($stored, %count) = ($server->stored(qr/^Message-ID: <m(\d+)\@x>/m));
    foreach my $user (values %$stored) { $count{$_} += $user->{$_} foreach keys %$user }
    return %count;
}
