package Mail::Wire::Sink::Store;

# Puts messages that a sink takes into a folder: a Maildir, or files.

use strict;
use warnings;

use Sys::Hostname ();
use Time::HiRes   ();

use Mail::Wire::Sink::Record ();

our $VERSION = '1.000';

my $count = 0;

# Code for the option store of a sink. Dies where the folder can't be had.
sub code {
    my ($class, $folder, %option) = @_;
    my $self = bless { folder => $folder }, $class;
    _make_folder($_) for $folder, $option{files} ? () : map {"$folder/$_"} qw(tmp new cur);
    return $option{files} ? sub { $self->_store_files(@_) } : sub { $self->_store_maildir(@_) };
}

sub _make_folder {
    my ($folder) = @_;
    mkdir $folder or -d $folder or die "can't make the folder $folder: $!\n";
    -w $folder or die "can't write to the folder $folder\n";
    return;
}

# As RFC 5321 4.4 has it of final delivery, with whom it was accepted for; nothing of a message that was accepted for nobody.
sub _store_maildir {
    my ($self, $message) = @_;
    my @to = map { $_->{address} } grep { $_->{accepted} } @{ $message->{recipients} };
    return undef if !@to;
    my $name = _name() . '.' . _host();
    my $end  = $message->{data} =~ /\r\n/ ? "\r\n" : "\n";
    my @head = ("Return-Path: <$message->{from}>", map {"Delivered-To: $_"} @to);
    tr/\r\n/ / foreach @head;    # QMTP's addresses may have them
    my $head = join '', map {"$_$end"} @head;
    _write("$self->{folder}/tmp/$name", $head, $message->{data});
    return _move("$self->{folder}/tmp/$name", "$self->{folder}/new/$name");
}

# The text as it came, and what is told of it in a file beside it, which is there first.
sub _store_files {
    my ($self, $message) = @_;
    my $path = "$self->{folder}/" . _name();
    my $told = Mail::Wire::Sink::Record::json(Mail::Wire::Sink::Record::described({ %$message, time => Time::HiRes::time() }));
    my @files = ([ "$path.json", "$told\n" ], [ "$path.eml", $message->{data} ]);
    my $is_done = eval {
        _write("$_->[0].tmp", $_->[1]) foreach @files;
        _move("$_->[0].tmp", $_->[0]) foreach @files;
        1;
    };
    return "$path.eml" if $is_done;
    my $error = $@;
    unlink map { ($_->[0], "$_->[0].tmp") } @files;
    die $error;
}

sub _write {
    my ($path, @octets) = @_;
    my $is_written = open my $out, '>:raw', $path;
    $is_written &&= print {$out} @octets;
    my $error = $!;
    if ($is_written) { close $out and return; $error = $! }
    unlink $path;
    die "$path: $error\n";
}

sub _move {
    my ($from, $to) = @_;
    rename $from, $to or die "$to: $!\n";
    return $to;
}

# Of no other message; in order of arrival.
sub _name {
    my ($seconds, $micro) = Time::HiRes::gettimeofday();
    return sprintf '%d.M%06dP%dQ%d', $seconds, $micro, $$, ++$count;
}

sub _host {
    my $host = eval { Sys::Hostname::hostname() };
    $host = 'localhost' if !defined $host;
    $host =~ s{([/:])}{sprintf '\\%03o', ord $1}ge;
    return $host;
}

1;
