# Dovecot's LMTP server: TCP and UNIX socket, two users and one that does not exist, stored mail
# compared byte for byte.

use strict;
use warnings;

use lib 'xt/lib';
use RealServer;
use Test::More;
use TestMail;

RealServer->need('dovecot', '/usr/lib/dovecot/lmtp', [ 'root', $> == 0 ]);

my ($uid, $gid) = (getpwnam 'nobody')[ 2, 3 ];
my $dir = RealServer->directory;
chmod 0755, $dir or die "$dir: $!";
make_files();

my $server = RealServer->start(
    command => sub {
        write_file("$dir/dovecot.conf", configuration($_[0]));
        return (RealServer->program('dovecot'), '-F', '-c', "$dir/dovecot.conf");
    },
    dir    => $dir,
    banner => 1,
);

my $sent = 0;
for my $link ([ 'TCP', '127.0.0.1', $server->port ], [ 'UNIX socket', "$dir/run/lmtp" ]) {
    my ($name, @where) = @$link;
    subtest "one recipient over $name"    => sub { check_one(@where) };
    subtest "three recipients over $name" => sub { check_three(@where) };
}
subtest 'BDAT' => sub { check_bdat('127.0.0.1', $server->port) };
subtest 'a file to several, by BDAT' => sub { check_file('127.0.0.1', $server->port) };
done_testing;

sub check_one {
    my $lmtp = new_lmtp(@_);
    for my $message (messages()) {
        my $before = stored('alice');
        ok(send_message($lmtp, $message->{text}, 'alice@example.org'), $message->{name});
        results_are([ $lmtp->data_results ], [ saved('alice') ], '  its result');
        is_stored('alice', $before, $message);
    }
    ok($lmtp->quit, 'quit');
}

sub check_three {
    my $lmtp = new_lmtp(@_);
    for my $message (messages()) {
        my %before = map { $_ => stored($_) } qw(alice bob);
        ok(send_message($lmtp, $message->{text}, map {"$_\@example.org"} qw(alice nobody-here bob)),
            $message->{name});
        results_are([ $lmtp->data_results ], [ saved('alice'), saved('bob') ], '  the accepted ones');
        results_are([ $lmtp->results ],
            [ saved('alice'), [ 'nobody-here@example.org', 'failure', 550, 'rcpt', 0 ], saved('bob') ],
            '  all of them');
        is(($lmtp->results)[1]->enhanced, '5.1.1', '  why the unknown one was refused');
        is_stored($_, $before{$_}, $message) for qw(alice bob);
    }
    ok($lmtp->quit, 'quit');
}

sub check_bdat {
    my $lmtp = new_lmtp(@_);
    ok(defined $lmtp->supports('CHUNKING'), 'CHUNKING is offered');
    for my $message (messages()) {
        my %before = map { $_ => stored($_) } qw(alice bob);
        (my $wire = $message->{text}) =~ s/\n/\r\n/g;
        my $half = int(length($wire) / 2);
        ok($lmtp->mail('sender@example.org'), $message->{name});
        ok($lmtp->recipient('alice@example.org', 'bob@example.org'), '  recipients');
        ok($lmtp->bdat(substr $wire, 0, $half), '  bdat');
        ok($lmtp->bdatlast(substr $wire, $half), '  bdatlast');
        results_are([ $lmtp->data_results ], [ saved('alice'), saved('bob') ], '  its results');
        is_stored($_, $before{$_}, $message) for qw(alice bob);
    }
    ok($lmtp->quit, 'quit');
}

# From where it is, as a chunk that is not the last, and BDAT 0 LAST behind its reply.
sub check_file {
    my $lmtp = new_lmtp(@_);
    my ($large) = grep { $_->{name} eq 'large' } messages();
    (my $wire = $large->{text}) =~ s/\n/\r\n/g;
    write_file("$dir/large.eml", $wire);
    for my $round (1 .. 3) {
        my %before = map { $_ => stored($_) } qw(alice bob);
        my @results = $lmtp->deliver(
            From => 'sender@example.org',
            To   => [ map {"$_\@example.org"} qw(alice nobody-here bob) ],
            File => "$dir/large.eml",
        );
        results_are(\@results, [ saved('alice'), [ 'nobody-here@example.org', 'failure', 550, 'rcpt', 0 ], saved('bob') ], "results, $round");
        is_stored($_, $before{$_}, $large) for qw(alice bob);
    }
    ok($lmtp->quit, 'quit');
}

sub saved { return [ "$_[0]\@example.org", 'success', 250, 'final', 0 ] }

# The names of a user's messages. Dovecot has them in place before it replies.
sub stored {
    my ($user) = @_;
    return { map { $_ => 1 } glob "$dir/mail/$user/new/*" };
}

sub is_stored {
    my ($user, $before, $message) = @_;
    my @new = grep { !$before->{$_} } keys %{ stored($user) };
    is(scalar @new, 1, "  one new message for $user") or return;
    my $text = RealServer::slurp($new[0]);
    # What Dovecot puts on top: Return-Path, Delivered-To and Received with its further lines.
    1 while $text =~ s/\A(?:Return-Path|Delivered-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*//;
    ok($text eq $message->{text}, "  and it is the one that was sent, byte for byte")
        or diag(sprintf 'sent %d bytes, stored %d', length $message->{text}, length $text);
    return;
}

sub make_files {
    for my $folder ("$dir/mail", "$dir/home") {
        mkdir $folder or die "$folder: $!";
        chown $uid, $gid, $folder or die "$folder: $!";
    }
    write_file("$dir/users",
        join '', map { join(':', $_, '{PLAIN}secret', $uid, $gid, '', "$dir/home/$_", '', '') . "\n" } qw(alice bob));
}

sub configuration {
    my ($port) = @_;
    return <<"CONF";
base_dir = $dir/run
state_dir = $dir/run
log_path = $dir/dovecot.log
protocols = lmtp
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
mail_location = maildir:$dir/mail/%n
auth_username_format = %n
postmaster_address = postmaster\@example.org
hostname = server.example.org
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = $port
  }
  unix_listener lmtp {
    mode = 0666
  }
}
passdb {
  driver = passwd-file
  args = $dir/users
}
userdb {
  driver = passwd-file
  args = $dir/users
}
CONF
}

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>:raw', $file or die "$file: $!";
    print {$fh} $text;
    close $fh or die "$file: $!";
}
