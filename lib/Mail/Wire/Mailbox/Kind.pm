package Mail::Wire::Mailbox::Kind;

use 5.010001;
use strict;
use warnings;

our $VERSION = '1.000';

use Mail::Wire::Mailbox::From ();
use Mail::Wire::Mailbox::MMDF ();
use Mail::Wire::Mailbox::Mbox ();
use Mail::Wire::Mailbox::Message ();
use Mail::Wire::Mailbox::Tar ();
use Mail::Wire::Mailbox::Unpack ();
use Mail::Wire::Mailbox::Zip ();

our @CARP_NOT = ('Mail::Wire::Mailbox');

# What a file is, by its first bytes, and by its name where it is one of many.

# So much is looked at.
use constant HEAD_MAX => 4096;

# How an mbox is read.
my %mbox = (
    mbox    => {},
    mboxo   => {},
    mboxrd  => { unquotes => 1 },
    mboxcl  => { by_length => 1 },
    mboxcl2 => { by_length => 1 },
    takeout => { is_takeout => 1 },
);

# For Format of new.
my %formats = map { $_ => 1 } keys %mbox, qw(mmdf maildir mh eml);

sub formats { sort keys %formats }

# A reader of the messages in an input, or the one message that it is; nothing: it is no mail. place: its path in the mailbox; '' for the
# mailbox itself. how: `format`, and `base`, the mailbox's name. is_mail: its folder says that it is a message.
sub reader {
    my ($input, $place, $how, $is_mail) = @_;
    my $name;
    ($input, $name) = Mail::Wire::Mailbox::Unpack::unpacked($input, length $place ? $place : $how->{base});
    my $head = $input->peek(HEAD_MAX);
    return if length $place and not length $head;
    my $archive = $is_mail ? undef : _archive($head, $name, $how->{format});
    $name =~ s/\.(?:tar|t|zip)\z//i if $archive;
    my %in = (input => $input, place => length $place ? $name : '', how => length $place ? $how : { %$how, base => $name });
    return "Mail::Wire::Mailbox::$archive"->new(%in) if $archive;
    my $kind = $is_mail ? 'eml' : _kind($head, $in{place}, $how->{format}) or return;
    return _message(%in) if $kind eq 'eml';
    my $folder = folder(%in, is_message => 0);
    return Mail::Wire::Mailbox::MMDF->new($input, $folder) if $kind eq 'mmdf';
    return Mail::Wire::Mailbox::Mbox->new($input, $folder, %{ $mbox{$kind} });
}

# By its name, or by bytes that nothing else says to be mail: who sends mail chooses those.
sub _archive {
    my ($head, $name, $format) = @_;
    my $archive = Mail::Wire::Mailbox::Tar::is_tar($head, $name) ? 'Tar' : $head =~ /\APK(?:\x03\x04|\x05\x06)/ ? 'Zip' : undef;
    return $archive if not $archive or $name =~ /\.(?:tar|t|zip)\z/i;
    return if defined $format and $format eq 'eml' or $name =~ /\.eml\z/i or is_in_maildir($name);
    return _is_mbox($head) || _is_mmdf($head) || _is_header($head) ? undef : $archive;
}

sub _kind {
    my ($head, $place, $format) = @_;
    my $is_named = !length $place;
    my $asked = defined $format ? $format : '';
    return $asked if $is_named and $mbox{$asked} || $asked =~ /\A(?:mmdf|eml)\z/;
    return 'eml' if $asked eq 'eml' or $place =~ /\.eml\z/i or is_in_maildir($place);
    return 'mmdf' if _is_mmdf($head);
    return $mbox{$asked} ? $asked : 'mbox' if _is_mbox($head) or $is_named and $head =~ /\A\s*\z/;
    return 'eml' if ($is_named or $place =~ m{(?:\A|/)[1-9][0-9]*\z}) and _is_header($head);
    return;
}

# The names that Maildirs give: for archives, where a folder "new" may be anything.
sub is_in_maildir { $_[0] =~ m{(?:\A|/)(?:cur|new)/(?:[0-9]+\.[^/]*|[^/]*[:;!]2,[^/]*)\z} }

sub _is_mbox { $_[0] =~ /\A\s*(From [^\n]*)/ and Mail::Wire::Mailbox::From::is_line($1) }

sub _is_mmdf { $_[0] =~ /\A\s*\x01{4}\r?$/m }

sub _is_header {
    my ($head) = @_;
    return $head =~ /\A(?:[!-9;-~]+[ \t]*:.*\n(?:[ \t].*\n)*)*(?:From|To|Subject|Date|Received|Message-ID|Return-Path|MIME-Version)[ \t]*:/i;
}

sub _message {
    my (%in) = @_;
    my $input = $in{input};
    my $spool = $input->file ? undef : $input->spool;
    return bless {
        input => $input, folder => folder(%in, is_message => 1), of => {}, offset => 0, spool => $spool,
        length => $spool ? $spool->size : $input->size,
    }, 'Mail::Wire::Mailbox::Message';
}

# The folder that a place stands for, by / between its names; that of a Maildir's top is INBOX.
sub folder {
    my (%of) = @_;
    my $folder = $of{place};
    my $is_maildir = 0;
    if ($of{is_message}) {
        $folder =~ s{(?:\A|/)[^/]*\z}{};
        $is_maildir = $folder =~ s{(?:\A|/)(?:cur|new)\z}{};
        $folder =~ s{(?:\A|(?<=/))\.([^/]+)\z}{ (my $path = $1) =~ tr{.}{/}; $path }e if $is_maildir;
    }
    else {
        $folder = $of{how}{base} if not length $folder;
        $folder =~ s/\.(?:mbox|mbx|mmdf)\z//i;
    }
    $folder =~ s{\.sbd(?=/)}{}g;
    return length $folder ? $folder : $is_maildir ? 'INBOX' : $of{how}{base};
}

1;
