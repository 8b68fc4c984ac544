# Cyrus' LMTP server on a UNIX socket: deliveries and submits over the fence, with refused recipients and refused content in between.
# It leaves a transaction open at a LHLO in mid-session.

use strict;
use warnings;

use lib 'xt/lib';
use File::Find ();
use RealServer;
use Test::More;
use TestMail;

RealServer->need('cyrmaster', '/usr/lib/cyrus/bin/lmtpd', [ 'root', $> == 0 ], [ 'the user cyrus', defined getpwnam 'cyrus' ]);

use constant LIMIT => 100_000;
my ($uid, $gid) = (getpwnam 'cyrus')[ 2, 3 ];
my $dir = RealServer->directory;
chmod 0755, $dir or die "$dir: $!";
make_files();

my $server = RealServer->start(
    command => sub { return (RealServer->program('cyrmaster'), '-D', '-C', "$dir/imapd.conf", '-M', "$dir/cyrus.conf", '-p', "$dir/master.pid") },
    dir    => $dir,
    path   => "$dir/lmtp",
    banner => 1,
);

# To, expected codes. DATA is refused where nobody was accepted. big is over the server's limit: refused at its end, by one reply whoever it
# is for, and the transaction stays open.
my @messages = (
    [ ['alice'],                     [250] ],
    [ ['bob'],                       [250] ],
    [ ['missing'],                   [550] ],
    [ [ 'alice', 'missing', 'bob' ], [ 250, 550, 250 ] ],
    [ ['alice'],                     [250] ],
    [ [ 'missing', 'missing' ],      [ 550, 550 ] ],
    [ ['bob'],                       [552], big => 1 ],
    [ ['alice'],                     [250] ],
    [ [ 'bob', 'bob' ],              [ 250, 250 ] ],
    [ [ 'missing', 'alice' ],        [ 550, 250 ] ],
);
for my $how (qw(deliver submit)) {
    subtest $how => sub { check($how) };
}
done_testing;

sub check {
    my ($how) = @_;
    my $lmtp = new_lmtp("$dir/lmtp");
    for my $round (1 .. 3) {
        send_all($lmtp, $how, "$how $round.1", @messages);
        send_all($lmtp, $how, "$how $round.2", reverse @messages);
    }
    ok($lmtp->quit, 'quit, on the link that all went over');
    return;
}

# Every result is as expected, and what was accepted is there, once.
sub send_all {
    my ($lmtp, $how, $name, @list) = @_;
    my (@results, %wanted);
    for my $n (0 .. $#list) {
        my ($to, $codes, %trait) = @{ $list[$n] };
        my $subject = "$name.$n.";
        my $text = "From: <sender\@example.org>\nMessage-ID: <$subject\@x>\nSubject: $subject\n\n" . "a line\n" x ($trait{big} ? LIMIT / 5 : 2);
        $text =~ s/<\K(\w+) (?=[0-9])/$1-/;
        # One INBOX has a message once for each recipient of that name.
        $wanted{$subject} = grep { $_ == 250 } @$codes;
        my @message = (From => 'sender@example.org', To => $to, Data => $text);
        if ($how eq 'submit') { $lmtp->submit(@message) }
        else                  { push @results, [ $lmtp->deliver(@message) ] }
    }
    while (my $delivery = $lmtp->collect) { push @results, [ $delivery->results ] }
    is_deeply([ map { [ map { $_->code } @$_ ] } @results ], [ map { $_->[1] } @list ], "$name: results")
        or diag(map { map { $_->as_string . "\n" } @$_ } @results);
    my $stored = stored();
    is_deeply({ map { $_ => $stored->{$_} || 0 } keys %wanted }, \%wanted, '  and what is in the mailboxes');
    return;
}

# How many messages there are of each subject.
sub stored {
    my %count;
    File::Find::find({ no_chdir => 1, wanted => sub {
        $count{$1}++ if m{/[0-9]+\.\z} and RealServer::slurp($_) =~ /^Subject: (.*?)\r?$/m;
    } }, "$dir/spool");
    return \%count;
}

sub make_files {
    for my $folder (map {"$dir/$_"} qw(conf conf/db conf/proc conf/lock conf/log conf/msg conf/socket conf/user conf/quota spool tmp)) {
        mkdir $folder or die "$folder: $!";
        chown $uid, $gid, $folder or die "$folder: $!";
    }
    write_file("$dir/imapd.conf", <<"CONF");
configdirectory: $dir/conf
proc_path: $dir/conf/proc
mboxname_lockpath: $dir/conf/lock
defaultpartition: default
partition-default: $dir/spool
lmtpsocket: $dir/lmtp
idlesocket: $dir/conf/socket/idle
notifysocket: $dir/conf/socket/notify
sasl_pwcheck_method: auxprop
admins: cyrus
autocreate_quota: 0
autocreate_post: 1
autocreate_users: alice bob
duplicatesuppression: 0
temp_path: $dir/tmp
maxmessagesize: ${\ LIMIT}
syslog_prefix: mail-wire
CONF
    write_file("$dir/cyrus.conf", <<"CONF");
START {
}
SERVICES {
  lmtpunix cmd="/usr/lib/cyrus/bin/lmtpd -C $dir/imapd.conf" listen="$dir/lmtp" prefork=0 maxchild=4
}
EVENTS {
}
CONF
    return;
}

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>:raw', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
    return;
}
