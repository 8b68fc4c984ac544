#!/usr/bin/perl

# What is measured: readers of mbox files.
#
#   mailbox.pl READER FILE COUNT
#
# Reads so many messages, from the file's beginning again where it has fewer.

use strict;
use warnings;

use FindBin ();
use lib "$FindBin::Bin/lib";

use Bench::Worker qw(measure);

# What opens a file: code that returns the next message's text, or something that has it, until undef.
my %reader = (
    'Mail::Wire::Mailbox' => sub {
        my $mailbox = Mail::Wire::Mailbox->new($_[0]);
        return sub { $mailbox->next };
    },
    'Mail::Mbox::MessageParser' => sub {
        open my $handle, '<:raw', $_[0] or die "$_[0]: $!\n";
        my $parser = Mail::Mbox::MessageParser->new({ file_name => $_[0], file_handle => $handle, enable_cache => 0, enable_grep => 0 });
        die "$parser\n" if !ref $parser;
        return sub { $parser->end_of_file ? undef : $parser->read_next_email };
    },
    'Email::Folder' => sub {
        my $folder = Email::Folder->new($_[0]);
        return sub { $folder->next_message };
    },
    'Mail::Box::Mbox' => sub {
        my $folder = Mail::Box::Mbox->new(folder => $_[0], access => 'r', lock_type => 'NONE') or die "$_[0]: not opened\n";
        my ($at, $last) = (0, scalar $folder->messages);
        return sub { $at < $last ? $folder->message($at++)->string : undef };
    },
);

my ($name, $file, $count) = @ARGV;
die "usage: $0 READER FILE COUNT\n" if !defined $count or !$reader{$name};
(my $module = "$name.pm") =~ s{::}{/}g;
require $module;

read_messages(1);
measure($count, sub { read_messages($count) });

sub read_messages {
    my ($left) = @_;
    while ($left) {
        my $next = $reader{$name}->($file);
        my $before = $left;
        $left-- while $left and defined $next->();
        die "$file: no messages\n" if $left == $before;
    }
    return;
}
